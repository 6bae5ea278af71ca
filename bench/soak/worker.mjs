// One of the processes of a soak: express-session in Redis, sign-in by the library, and one of the strategies. With the
// ledger, which is in Redis or in PostgreSQL, connections of visitors who have logged in belong to them; a process of kind `jobs` serves no browser.
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { connectAuth, connectErrorHandler } from 'express-connect-auth';
import { isLost, refreshAlone, refreshUnderLock } from './controls.mjs';
import { keptIn } from './database.mjs';

const setup = JSON.parse(process.argv[2]);
const redis = createClient({ url: setup.redisUrl });
redis.on('error', () => undefined);
await redis.connect();

const encryptionKeys = [{ id: 'soak', secret: 'a ledger secret of the soak, 32 bytes or more' }];
const { ledger, connections } = keptIn({ redis, postgres: setup.postgres, encryptionKeys });
const connect = connectAuth({
  ...setup.connect,
  ...(setup.strategy === 'ledger' ? { connections } : {}),
  ...(setup.strategy === 'ledger' && setup.kind !== 'jobs' ? { owner: (req) => req.session.user } : {}),
  ledger,
});
const getToken = {
  none: () => refreshAlone(setup.connect),
  lock: () => refreshUnderLock(setup.connect, redis),
  ledger: () => connect.getToken,
}[setup.strategy]();

const app = express();
app.use(
  session({
    secret: 'session signing secret of the soak',
    resave: false,
    saveUninitialized: false,
    store: new RedisStore({ client: redis }),
  }),
);
app.use(connect);
app.get('/token', async (req, res) => {
  const token = await getToken(req, req.query.refused ? { refused: req.query.refused } : {});
  res.json({ accessToken: token.access_token });
});
app.get('/login', (req, res) => {
  req.session.user = req.query.as;
  res.json({});
});
app.get('/of', async (req, res) => {
  const token = await connect.of(req.query.user).getToken(req.query.refused ? { refused: req.query.refused } : {});
  res.json({ accessToken: token.access_token });
});
// Never looks at the token, takes its time, and saves the whole snapshot that it began with.
app.get('/write', async (req, res) => {
  await sleep(Number(req.query.ms));
  req.session.note = String(Math.random());
  res.json({});
});
app.use((error, req, res, next) => (isLost(error) ? res.status(401).json({}) : next(error)));
app.use(connectErrorHandler());
// By its four parameters Express knows an error handler.
app.use((error, req, res, next) => (res.headersSent ? next(error) : res.status(503).json({})));

process.on('disconnect', () => process.exit(1));
const server = http.createServer(app);
server.listen(0, '127.0.0.1', () => process.send({ url: `http://127.0.0.1:${server.address().port}` }));
