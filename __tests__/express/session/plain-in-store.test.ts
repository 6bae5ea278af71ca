import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

const SEALED = { encryptionKeys: [{ id: 'k', secret: 'the secret of these tests, which is long enough' }] } as const;
const BROUGHT = { access_token: 'plain-secret', type: 'bearer', connection: 'c9.0' } as const;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

test('a token that the app puts into a connected session is sealed, also where the middleware is mounted twice', async () => {
  const app = await startApp(sandbox, {
    options: SEALED,
    routes: (own, connect) => {
      own.use('/import', (req, _res, next) => {
        req.session.connectToken = { ...BROUGHT };
        next();
      });
      own.use('/import', connect, (_req, res) => void res.send('ok'));
    },
  });
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  await visitor.visit(`${app.url}/import`);
  const [session] = Object.values(await app.sessions());
  expect(JSON.stringify(session)).not.toContain('plain-secret');
});
