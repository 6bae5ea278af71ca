// Runs in a process of its own, with NODE_DEBUG=connect-auth: answers one request with an error of the app's own making.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { ConnectError, connectErrorHandler } from '../../src';

const app = express();
app.get('/', (_req, _res, next) => {
  next(new ConnectError('ERR_CONNECT_API', { reason: 'of the app\nCONNECT-AUTH 1: forged\u001b[31m\u2028' }));
});
app.use(connectErrorHandler());
const server = app.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  void fetch(`http://127.0.0.1:${port}/`)
    .then((answer) => answer.json())
    .then((problem) => {
      process.stdout.write((problem as { instance: string }).instance);
      server.closeAllConnections();
      server.close();
    });
});
