import cluster from 'node:cluster';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { connectAuth, connectErrorHandler, connectOptionsFromEnv } from 'express-connect-auth';
import { redisLedger } from 'express-connect-auth/redis';

if (cluster.isPrimary) {
  cluster.fork();
  cluster.fork();
  let stopping = false; // the terminal and npm may both say so, and a second time would not wait for requests in progress
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.on(signal, () => {
      if (!stopping) cluster.disconnect();
      stopping = true;
    });
  }
} else {
  await serve();
}

async function serve() {
  // Ctrl+C reaches every process of a terminal; the primary tells the workers when to end.
  process.on('SIGINT', () => undefined);
  // After a signal, once the requests in progress are answered. It may come before all below is there.
  let connect;
  cluster.worker.once('disconnect', async () => {
    await connect?.close(); // refreshes in flight are finished and recorded
    process.exit();
  });
  // Take the one you use: both files export the same two things.
  const { client, sendCommand } = await import(`./${process.env.REDIS_CLIENT ?? 'node-redis'}.mjs`);
  const options = connectOptionsFromEnv(); // its encryptionKeys seal the tokens in the sessions

  const app = express();
  app.use((req, res, next) => {
    if (!server.listening) res.set('Connection', 'close'); // or a connection that a proxy keeps busy would never end
    next();
  });
  // Behind a proxy that ends TLS: app.set('trust proxy', 1), or the cookie is never `secure`.
  app.use(
    session({
      store: new RedisStore({ client }),
      secret: process.env.SESSION_SECRET,
      resave: false,
      saveUninitialized: false,
      cookie: { sameSite: 'lax', secure: 'auto' },
    }),
  );
  connect = connectAuth({
    ...options,
    // Two processes, Redis and a provider on one small machine: let nobody see 503 for a slow moment (default: 500).
    ledger: redisLedger({ sendCommand, encryptionKeys: options.encryptionKeys, commandTimeoutMs: 3000 }),
    onEvent: ({ type }) => console.log(`process ${process.pid}: ${type}`),
  });
  app.use(connect);

  app.get('/', connect.requireConnect(), (req, res) => {
    const seconds = req.session.connectToken.expires_at - Math.floor(Date.now() / 1000);
    // A kept connection would stay with one process.
    res.set('Connection', 'close').type('text').send(`Process ${process.pid}: the token is good for ${seconds} s.\n`);
  });
  app.use(connectErrorHandler());

  const server = app.listen(process.env.PORT ?? 3000);
}
