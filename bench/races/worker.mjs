// One of the two processes of a race: express-session in Redis, the ledger there or in PostgreSQL, and an onConnect as apps have it.
import http from 'node:http';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { connectAuth, connectErrorHandler } from 'express-connect-auth';
import { keptIn } from '../soak/database.mjs';

const setup = JSON.parse(process.argv[2]);
const redis = createClient({ url: setup.redisUrl });
redis.on('error', () => undefined);
await redis.connect();

const done = (run) => new Promise((resolve, reject) => run((error) => (error ? reject(error) : resolve())));
const onConnect = {
  none: undefined,
  save: async (req) => {
    req.session.greeted = true;
    await done((answer) => req.session.save(answer));
  },
  regenerate: async (req) => {
    await done((answer) => req.session.regenerate(answer));
    req.session.greeted = true;
  },
}[setup.onConnect];

const { ledger } = keptIn({
  redis,
  postgres: setup.postgres,
  encryptionKeys: [{ id: 'races', secret: 'a ledger secret of the races, 32 bytes or more' }],
  // A busy machine decides no race.
  timeoutMs: 5000,
});
const connect = connectAuth({
  ...setup.connect,
  ...(onConnect === undefined ? {} : { onConnect }),
  ledger,
});

const app = express();
app.use(
  session({
    secret: 'session signing secret of the races',
    resave: false,
    saveUninitialized: false,
    store: new RedisStore({ client: redis }),
  }),
);
app.use(connect);
app.get('/login', (req, res) => {
  req.session.user = 'somebody';
  res.json({});
});
// Says whether there was a login to end.
app.post('/logout', (req, res) => {
  const user = req.session.user ?? null;
  req.session.destroy(() => res.json({ user }));
});
app.get('/who', (req, res) => res.json({ user: req.session.user ?? null, greeted: req.session.greeted ?? null }));
app.get('/token', (req, res, next) => {
  connect.getToken(req).then((token) => res.json({ accessToken: token.access_token }), next);
});
app.use(connectErrorHandler());

process.on('disconnect', () => process.exit(1));
const server = http.createServer(app);
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}` }));
