import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, withApp, type Browser, type TestApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { until } from '../../support/turns';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterEach(() => sandbox.release());

const MOST = 100;
const SCRIPT = { accept: 'application/json' };

/** Starts sign-ins in sessions of their own, and comes back with codes that the provider has never given. */
async function madeUp(app: TestApp, count: number): Promise<Promise<number>[]> {
  const callbacks: (() => Promise<number>)[] = [];
  for (let number = 0; number < count; number += 1) {
    const stranger = browser();
    const { location } = await stranger.visit(`${app.url}/connect/authorize`);
    const state = new URL(location).searchParams.get('state') ?? '';
    const url = `${app.url}/connect/callback?state=${state}&code=made-up-${number}`;
    callbacks.push(async () => (await stranger.visit(url, SCRIPT)).status);
  }
  sandbox.fault({ kind: 'hold', when: 'before' }, { times: count });
  return callbacks.map((visit) => visit());
}

async function refused(visitor: Browser, callback: string): Promise<readonly unknown[]> {
  const answer = await visitor.visit(callback, SCRIPT);
  const { code, reason } = JSON.parse(answer.body) as Record<string, unknown>;
  return [answer.status, code, reason, answer.headers['retry-after'], answer.headers['set-cookie']];
}

test('a hundred codes are exchanged at once, one more waits outside and loses nothing', async () => {
  await withApp(sandbox, {}, async (app) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor, '/connect/authorize?returnTo=/in');
    const running = await madeUp(app, MOST);
    await sandbox.waiting(MOST);
    const before = await app.sessions();
    const busy = [503, 'ERR_CONNECT_RATE_LIMITED', 'exchanges', '2', undefined];
    expect([await refused(visitor, callback), await refused(visitor, callback)]).toEqual([busy, busy]);
    expect({ sessions: await app.sessions(), exchangeCalls: sandbox.calls.exchange }).toEqual({
      sessions: before,
      exchangeCalls: MOST,
    });
    sandbox.release();
    expect(new Set(await Promise.all(running))).toEqual(new Set([400]));
    const answer = await visitor.visit(callback);
    expect([answer.status, answer.location]).toEqual([302, '/in']);
  });
});

test('a place that a failure has taken is free again', async () => {
  await withApp(sandbox, {}, async (app) => {
    const running = await madeUp(app, MOST - 1);
    await sandbox.waiting(MOST - 1);
    const set = app.store.set.bind(app.store);
    const unsaved = browser();
    const callback = await beginSignIn(app, sandbox, unsaved);
    app.store.set = (_id, _session, done) => void setImmediate(() => done?.(new Error('full')));
    expect((await unsaved.visit(callback, SCRIPT)).status).toBe(503);
    app.store.set = set;
    const refusing = browser();
    const wrong = (await beginSignIn(app, sandbox, refusing)).replace(/code=[^&]+/u, 'code=made-up');
    expect((await refusing.visit(wrong, SCRIPT)).status).toBe(400);
    // A state that is spent takes no place.
    expect((await refusing.visit(wrong, SCRIPT)).status).toBe(403);
    for (const visitor of [browser(), browser()]) expect((await signIn(app, sandbox, visitor)).status).toBe(302);
    sandbox.release();
    await Promise.all(running);
  });
});

test('a place is free as soon as the code is exchanged, whatever onConnect still waits for', async () => {
  let goOn = (): void => undefined;
  const waits = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let asked = 0;
  const onConnect = (): Promise<void> | undefined => {
    asked += 1;
    return asked === 1 ? waits : undefined;
  };
  await withApp(sandbox, { options: { onConnect } }, async (app) => {
    const running = await madeUp(app, MOST - 1);
    await sandbox.waiting(MOST - 1);
    const slow = signIn(app, sandbox, browser());
    await until(() => asked === 1);
    expect((await signIn(app, sandbox, browser())).status).toBe(302);
    goOn();
    expect((await slow).status).toBe(302);
    sandbox.release();
    await Promise.all(running);
  });
});
