'use strict';

const express = require('express');
const session = require('express-session');
const { connectAuth, connectErrorHandler } = require('express-connect-auth');
const { startSandbox } = require('express-connect-auth/testing');

async function start() {
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

module.exports = { start };
