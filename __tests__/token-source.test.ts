import { startSandbox, type Sandbox } from '../src/testing';
import { browser, signIn, startApp, type TestApp, type TestAppParts } from './support/app';
import { editSessions, onlySession } from './support/stored';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
});
beforeEach(() => sandbox.reset());
afterAll(() => sandbox.close());

interface Token { access_token: string; refresh_token: string; expires_at: number; type: string; scope?: string }

function tokenOf(document: Record<string, unknown>): Token {
  return document['connectToken'] as Token;
}

/** As if the token had been got long ago. */
function age(app: TestApp, secondsLeft: number): Promise<void> {
  return editSessions(app, (document) => {
    tokenOf(document).expires_at = Math.floor(Date.now() / 1000) + secondsLeft;
  });
}

function withRoutes(parts: TestAppParts = {}): TestAppParts {
  return {
    ...parts,
    routes: (app, connect) => {
      app.get('/fresh', (req, res, next) => {
        connect.getToken(req).then((token) => void res.json(token), next);
      });
      app.get('/refused', (req, res, next) => {
        connect.getToken(req, { refused: req.query['token'] as string }).then((token) => void res.json(token), next);
      });
      parts.routes?.(app, connect);
    },
  };
}

async function connected(parts: TestAppParts = {}) {
  const app = await startApp(sandbox, withRoutes(parts));
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  return { app, visitor };
}

test('a token that is not due is given as it is', async () => {
  const { app, visitor } = await connected();
  const before = tokenOf(await onlySession(app));
  const answer = await visitor.visit(`${app.url}/fresh`);
  expect([answer.status, JSON.parse(answer.body)]).toEqual([200, before]);
  expect(sandbox.calls.refresh).toBe(0);
  await app.close();
});

test('ten requests with an expired token refresh once, and all get the same working token', async () => {
  const { app, visitor } = await connected();
  await age(app, -10);
  const old = tokenOf(await onlySession(app));
  const answers = await Promise.all(Array.from({ length: 10 }, () => visitor.visit(`${app.url}/fresh`)));
  const tokens = answers.map((answer) => (JSON.parse(answer.body) as Token).access_token);
  expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 10 }, () => 200));
  expect(new Set(tokens).size).toBe(1);
  expect(sandbox.calls.refresh).toBe(1);
  expect(sandbox.presentations(old.refresh_token)).toBe(1);
  const stored = await onlySession(app);
  expect(tokenOf(stored).access_token).toBe(tokens[0]);
  expect(String(stored['connectLineage'])).toMatch(/^[\w-]{22}\.1$/u);
  await app.close();
});
