import type { AddressInfo } from 'node:net';
import express, { type Request } from 'express';
import session from 'express-session';
import { connectAuth, connectErrorHandler } from 'express-connect-auth';
import { startSandbox, type Sandbox } from 'express-connect-auth/testing';

function tokenType(req: Request): string | undefined {
  return req.session.connectToken?.type;
}

export async function start(): Promise<{ url: string; sandbox: Sandbox; stop: () => Promise<void> }> {
  const sandbox = await startSandbox();
  const app = express();
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  app.use(session({ secret: 'sample', resave: false, saveUninitialized: false }));
  app.use(connectAuth({ ...sandbox.connectOptions, redirectUri: `${url}/connect/callback` }));
  app.get('/token', (req, res) => {
    res.json({ type: tokenType(req) });
  });
  app.use(connectErrorHandler());
  async function stop(): Promise<void> {
    server.close();
    server.closeAllConnections();
    await sandbox.close();
  }
  return { url, sandbox, stop };
}
