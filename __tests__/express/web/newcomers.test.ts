import { connectAuth, connectOptionsFromEnv, memoryConnections, type ConnectEvent } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, signIn, startApp, type TestAppParts } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { watchStderr } from '../../support/stderr';

// What people who are new to this package do, and what they are told.

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

beforeEach(() => sandbox.reset());
const stderr = watchStderr();

describe('onConnect', () => {
  async function answered(onConnect: NonNullable<TestAppParts['options']>['onConnect']): Promise<number> {
    const app = await startApp(sandbox, { options: { onConnect } });
    const visitor = browser();
    return (await visitor.visit(await beginSignIn(app, sandbox, visitor))).status;
  }

  test.each<readonly [string, () => unknown]>([
    ['a TypeError', () => (undefined as unknown as { id: string }).id],
    ['a callback of Passport that is not there', () => (undefined as unknown as () => void)()],
    ['a ReferenceError of a promise', () => Promise.reject(new ReferenceError('CANARY is not defined'))],
  ])('with %s is a mistake that stderr names', async (_what, onConnect) => {
    expect(await answered(onConnect)).toBe(403);
    expect(stderr.lines()).toEqual([
      expect.stringMatching(/onConnect failed with an error that is a mistake in code/u),
    ]);
    expect(stderr.lines().join('')).not.toContain('CANARY');
  });

  test.each<readonly [string, unknown]>([
    ['no stack', undefined],
    ['a stack of something else', { at: 'CANARY' }],
    ['a stack without a place', 'TypeError: CANARY'],
  ])('with a TypeError that has %s is a mistake all the same', async (_what, stack) => {
    const error = Object.assign(new TypeError('CANARY'), { stack });
    expect(await answered(() => Promise.reject(error))).toBe(403);
    expect(stderr.lines()).toEqual([expect.stringMatching(/onConnect failed/u)]);
  });

  test('that refuses has nothing to tell the operator', async () => {
    expect(await answered(() => Promise.reject(new Error('not on the list')))).toBe(403);
    expect(stderr.lines()).toEqual([]);
  });
});

test('connectAuth() before the login is named on stderr', async () => {
  const signedIn: { user?: string } = {};
  const app = await startApp(sandbox, {
    options: { owner: () => signedIn.user, connections: memoryConnections() },
    routes: (own, connect) => void own.get('/guarded', connect.requireConnect({ onMissing: 'error' })),
  });
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  signedIn.user = 'ada';
  expect((await visitor.visit(`${app.url}/guarded`)).status).toBe(401);
  expect(stderr.lines()).toEqual([expect.stringContaining('mount connectAuth() after your login')]);
});

describe('a secure cookie behind a proxy that Express does not trust', () => {
  const HTTPS = { accept: 'text/html', 'x-forwarded-proto': 'https' };

  async function warnings(parts: TestAppParts): Promise<readonly unknown[]> {
    const said = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const app = await startApp(sandbox, { session: { cookie: { secure: true } }, ...parts });
    expect((await browser().visit(`${app.url}/connect/authorize`, HTTPS)).status).toBe(302);
    return said.mock.calls.map(([message, about]) => [message, (about as unknown as { code?: string }).code]);
  }

  // The warning comes once in a process: last.
  test.each<readonly [string, TestAppParts]>([
    ['trust proxy', { routes: (app) => void app.set('trust proxy', 1) }],
    ['proxy: true of express-session', { session: { cookie: { secure: true }, proxy: true } }],
    ["secure: 'auto'", { session: { cookie: { secure: 'auto' } } }],
  ])('with %s there is nothing to warn of', async (_what, parts) => {
    expect(await warnings(parts)).toEqual([]);
  });

  test('is a warning with the cure', async () => {
    expect(await warnings({})).toEqual([[expect.stringContaining('without a session cookie'), 'CONNECT_AUTH_COOKIE']]);
  });
});

test('an unknown path of the API is that, and no fault of the configuration', async () => {
  const events: ConnectEvent[] = [];
  const app = await startApp(sandbox, {
    options: { onEvent: (event) => events.push(event) },
    routes: (own, connect) => {
      own.get(
        '/widgets',
        (req, res, next) =>
          void connect
            .client(req)
            .get('/widgets')
            .then(() => res.end(), next),
      );
      own.use(connect.errorHandler());
    },
  });
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  expect(await visitor.visit(`${app.url}/widgets`)).toMatchObject({
    status: 400,
    body: expect.stringContaining('ERR_CONNECT_API') as string,
  });
});

describe('a call that TypeScript would refuse says what is meant:', () => {
  const options = {
    clientId: 'a',
    clientSecret: 'b',
    redirectUri: 'http://localhost/connect/callback',
  };

  test('options that were not called', () => {
    expect(() => connectAuth(connectOptionsFromEnv as never)).toThrow(
      'connectAuth() got a function instead of options: call it, as in connectAuth(connectOptionsFromEnv()).',
    );
  });

  test.each([undefined, null, 'me'])('client(%j)', (req) => {
    expect(() => connectAuth(options).client(req as never)).toThrow(
      'connect.client() takes the request: connect.client(req).',
    );
  });

  test('what is missing, and the words of Passport', () => {
    const given = { clientSecret: 'b', redirectUri: options.redirectUri, successRedirect: '/', failureRedirect: '/' };
    const message = (() => {
      try {
        connectAuth(given as never);
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    })();
    expect(message).toContain('clientId (it is missing: give it as registered with the provider)');
    expect(message).toContain('successRedirect (here it is afterConnect)');
    expect(message).toContain('failureRedirect (here it is renderError)');
  });
});
