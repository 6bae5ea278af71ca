import { MemoryStore } from 'express-session';
import { memoryLedger, type ConnectEvent } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp, type TestApp } from '../../support/app';
import { cleanup } from '../../support/cleanup';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

let warnings: unknown[];
beforeEach(() => {
  warnings = [];
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation((text) => void warnings.push(text));
  cleanup(() => warn.mockRestore());
});

/** An account is connected and disconnected again by somebody. */
async function comeAndGo(app: TestApp): Promise<void> {
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  const { status } = await visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin' }, 'POST');
  expect(status).toBe(204);
}

test('every instance of a ledger that is full tells its app what was forgotten, and one warning is given', async () => {
  const ledger = memoryLedger({ maxTombstones: 4 });
  const store = new MemoryStore();
  const told: ConnectEvent[][] = [[], []];
  const [first, second] = await Promise.all(
    told.map((events) =>
      startApp(sandbox, { store, options: { ledger, onEvent: (event) => void events.push(event) } }),
    ),
  );
  const forgotten = (): unknown[] => told.map((events) => events.filter(({ type }) => type === 'ledger_forgot'));
  // Two each: that the connection has ended, and for some minutes that its sessions have moved.
  await comeAndGo(first!);
  expect([forgotten(), warnings]).toEqual([[[], []], []]);
  for (let more = 0; more < 3; more += 1) await comeAndGo(second!);
  const event = { type: 'ledger_forgot', time: expect.any(Number) as unknown, what: 'tombstone', count: 1 };
  expect(forgotten()).toEqual([[event], [event]]);
  expect(warnings).toEqual(['memoryLedger() is full and has forgotten that a connection has ended.']);
});
