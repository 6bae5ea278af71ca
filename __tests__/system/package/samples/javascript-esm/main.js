import express from 'express';
import session from 'express-session';
import { connectAuth, connectErrorHandler } from 'express-connect-auth';
import { startSandbox } from 'express-connect-auth/testing';

export async function start() {
  const sandbox = await startSandbox();
  const app = express();
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  app.use(session({ secret: 'sample', resave: false, saveUninitialized: false }));
  app.use(connectAuth({ ...sandbox.connectOptions, redirectUri: `${url}/connect/callback` }));
  app.get('/token', (req, res) => res.json({ type: req.session.connectToken?.type }));
  app.use(connectErrorHandler());
  async function stop() {
    server.close();
    server.closeAllConnections();
    await sandbox.close();
  }
  return { url, sandbox, stop };
}
