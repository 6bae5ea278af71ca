import type { ConnectEvent } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, startApp, type Answer, type Browser, type TestApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { clearSessions, editSessions, onlySession, tokensIn } from '../../support/stored';

let sandbox: Sandbox;
let app: TestApp;
const events: ConnectEvent[] = [];
beforeAll(async () => {
  sandbox = await startSandbox();
  app = await startApp(sandbox, { options: { onEvent: (event) => events.push(event) } });
});
beforeEach(async () => {
  await clearSessions(app);
  events.length = 0;
});

const disconnect = (visitor: Browser, headers: Record<string, string> = {}): Promise<Answer> =>
  visitor.visit(`${app.url}/connect/disconnect`, { 'sec-fetch-site': 'same-origin', ...headers }, 'POST');

test('a browser that shows the old session beside the new one ends the one connection once', async () => {
  const visitor = browser();
  const callback = await beginSignIn(app, sandbox, visitor);
  const old = visitor.cookies.get('connect.sid') ?? '';
  await visitor.visit(callback);
  const now = visitor.cookies.get('connect.sid') ?? '';
  const answer = await disconnect(visitor, { cookie: `connect.sid=${now}; connect.sid=${old}` });
  expect({
    status: answer.status,
    storedTokens: await tokensIn(app),
    sessionCount: Object.keys(await app.sessions()).length,
  }).toEqual({ status: 204, storedTokens: 0, sessionCount: 1 });
  expect(events.map((event) => event.type)).toEqual(['exchange', 'connected', 'ended', 'disconnected']);
  expect(visitor.cookies.get('connect.sid')).not.toBe(now);
});

test.each(['', '.0', 7, null])(
  'a token that nobody can read, of the connection %p, leaves the session without a word',
  async (label) => {
    const visitor = browser();
    await signIn(app, sandbox, visitor);
    await editSessions(app, (document) =>
      Object.assign(document, { connectToken: 'unreadable', connectLineage: label, basket: 'apples' }),
    );
    events.length = 0;
    expect((await disconnect(visitor)).status).toBe(204);
    const { cookie, ...rest } = await onlySession(app);
    expect({ rest, cookieType: typeof cookie, events }).toEqual({
      rest: { basket: 'apples' },
      cookieType: 'object',
      events: [],
    });
  },
);
