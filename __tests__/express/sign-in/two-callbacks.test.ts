import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser } from '../../support/app';
import { latch } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';
import { tokensIn } from '../../support/stored';
import { startProcesses, type Process, type Processes } from '../../support/two-processes';

const SCRIPT = { accept: 'application/json' };

let sandbox: Sandbox;
let processes: Processes;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(async () => {
  sandbox.reset();
  processes = await startProcesses(sandbox);
});

/** An address of the first process at another one. */
const at = ({ app }: Process, url: string): string => `${app.url}${new URL(url).pathname}${new URL(url).search}`;

test('of two sign-ins of one session that end in two processes at once one lands, and the other is revoked', async () => {
  const { one, two } = processes;
  const visitor = browser();
  await visitor.visit(`${one.app.url}/fill`);
  const first = await beginSignIn(one.app, sandbox, visitor);
  const second = await beginSignIn(one.app, sandbox, visitor);
  // The first has made its new session, and is about to destroy the old one.
  const destroying = latch();
  const destroy = one.store.destroy.bind(one.store);
  one.store.destroy = (id, answer) => void destroying.wait().then(() => destroy(id, answer));
  const slow = visitor.fork();
  const running = slow.visit(first, SCRIPT);
  await destroying.reached;
  const landed = await visitor.visit(at(two, second), SCRIPT);
  destroying.open();
  const lost = await running;
  expect([landed.status, lost.status, lost.headers['set-cookie']]).toEqual([302, 403, undefined]);
  expect(JSON.parse(lost.body)).toMatchObject({ code: 'ERR_CONNECT_STATE', reason: 'no_session' });
  expect({ tokens: await tokensIn(one.app), sessions: Object.keys(await one.app.sessions()).length }).toEqual({
    tokens: 1,
    sessions: 1,
  });
  expect((await visitor.visit(`${two.app.url}/token`)).body).toContain('bearer');
  expect((await visitor.visit(`${two.app.url}/basket`)).body).toBe('"apples"');
  // The old session is marked by each, and the connection that nobody got is ended.
  expect(one.diary.filter((operation) => operation === 'revoke').length).toBe(2);
});
