// What connectAuth() costs a request that does not use it: CPU time of the mounted router, side by side with a router
// of three routes that do not match. Run after `npm run build`: node bench/overhead.mjs
import express from 'express';
import { connectAuth } from 'express-connect-auth';

const REQUESTS = 200_000;
const ROUNDS = 7;
const options = { clientId: 'bench', clientSecret: 'bench', redirectUri: 'http://localhost/connect/callback' };
const encryptionKeys = [{ id: 'bench', secret: 'a secret of the benchmark, 32 chars or more' }];

const token = { access_token: 'x'.repeat(600), refresh_token: 'y'.repeat(300), type: 'bearer', expires_at: 4e9 };
const bare = express.Router();
for (const path of ['/one', '/two', '/three']) bare.all(path, (_req, _res, next) => next());
const candidates = {
  'router of three other routes': [bare, {}],
  'connectAuth, visitor without a session': [connectAuth(options), undefined],
  'connectAuth, connected visitor': [connectAuth(options), { connectToken: { ...token, connection: 'bench.0' } }],
  'connectAuth with encryption, not connected': [connectAuth({ ...options, encryptionKeys }), {}],
};

function cpuMicroseconds([router, session]) {
  const before = process.cpuUsage();
  for (let n = 0; n < REQUESTS; n += 1) {
    const req = { method: 'GET', url: '/products/42', originalUrl: '/products/42', headers: {}, session };
    router(req, {}, () => {});
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / REQUESTS;
}

const figures = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, candidate] of Object.entries(candidates)) figures[name].push(cpuMicroseconds(candidate));
}
for (const [name, values] of Object.entries(figures)) {
  const sorted = values.toSorted((one, other) => one - other);
  console.log(
    `${name.padEnd(46)} ${sorted[0].toFixed(2)} … ${sorted.at(-1).toFixed(2)} µs, median ${sorted[ROUNDS >> 1].toFixed(2)} µs`,
  );
}
