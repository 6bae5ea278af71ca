import { memoryConnections, memoryLedger } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

test.each([
  ['plain', {}],
  ['sealed', { encryptionKeys: [{ id: 'k', secret: 'the secret of these tests, which is long enough' }] as const }],
])('onConnect of a second user under the same session id sees no token of the first one, %s', async (_words, more) => {
  const seen: unknown[] = [];
  const userOf = (req: { session: unknown }): string | undefined =>
    (req.session as { user?: string } | undefined)?.user;
  const app = await startApp(sandbox, {
    options: {
      ...more,
      owner: (req) => userOf(req),
      connections: memoryConnections(),
      ledger: memoryLedger(),
      onConnect: (req) => void seen.push(req.session.connectToken),
    },
    routes: (own) => {
      own.get('/login', (req, res) => {
        Object.assign(req.session, { user: req.query['as'] });
        res.send('welcome');
      });
    },
  });
  const visitor = browser();
  await visitor.visit(`${app.url}/login?as=one`);
  expect((await signIn(app, sandbox, visitor)).status).toBe(302);
  await visitor.visit(`${app.url}/login?as=two`);
  expect((await visitor.visit(`${app.url}/token`)).body).toBe('null');
  expect((await signIn(app, sandbox, visitor)).status).toBe(302);
  expect(seen).toEqual([undefined, undefined]);
});
