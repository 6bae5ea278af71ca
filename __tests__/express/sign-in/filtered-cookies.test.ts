import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, startApp, type Answer } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

/** A sign-in where a CDN lets no cookie through to the app but `__session`, as Firebase Hosting does. */
async function behindFirebase(session: { readonly name?: string }): Promise<Answer> {
  const app = await startApp(sandbox, { session });
  const visitor = browser();
  const callback = await beginSignIn(app, sandbox, visitor);
  for (const name of visitor.cookies.keys()) if (name !== '__session') visitor.cookies.delete(name);
  return visitor.visit(callback, { accept: 'application/json' });
}

test('a session cookie of another name than __session makes every sign-in end with no_session', async () => {
  const { status, body } = await behindFirebase({});
  expect({ status, ...(JSON.parse(body) as object) }).toMatchObject({ status: 403, reason: 'no_session' });
});

test('a session cookie called __session, as docs/troubleshooting.md says, comes through', async () => {
  expect(await behindFirebase({ name: '__session' })).toMatchObject({ status: 302, location: '/' });
});
