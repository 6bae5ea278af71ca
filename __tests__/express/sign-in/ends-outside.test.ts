import { MemoryStore } from 'express-session';
import { beginSignIn, browser, startApp } from '../../support/app';
import { latch } from '../../support/refreshing';
import { startSandbox } from '../../support/sandbox';

// An administrator's tool, or the operator of the database, ends sessions without this process's store.
test('a session whose document goes while the new one is being saved does not move', async () => {
  const sandbox = await startSandbox();
  const store = new MemoryStore();
  const app = await startApp(sandbox, { store });
  const visitor = browser();
  const callback = await beginSignIn(app, sandbox, visitor);
  const [saving, set] = [latch(), store.set.bind(store)];
  store.set = (id, session, answer) => {
    if (session.connectToken === undefined) set(id, session, answer);
    else void saving.wait().then(() => set(id, session, answer));
  };
  const running = visitor.visit(callback, { accept: 'application/json' });
  await saving.reached;
  await new Promise<void>((resolve) => store.clear(() => resolve()));
  saving.open();
  const { status, body } = await running;
  expect({ status, ...JSON.parse(body) }).toMatchObject({
    status: 403,
    code: 'ERR_CONNECT_STATE',
    reason: 'no_session',
  });
  expect(await app.sessions()).toEqual({});
});
