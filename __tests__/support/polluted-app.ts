// Runs in a process of its own: an app whose Object.prototype its parent writes to, as a fault of some other package lets
// strangers do. Everything of this package is made anew after each change, so that its options are read then, too.
import type { AddressInfo } from 'node:net';
import express from 'express';
import session, { MemoryStore } from 'express-session';
import { connectAuth, memoryLedger, type ConnectAuth, type ConnectAuthOptions, type ConnectEvent } from '../../src';
import { redisLedgerConfig } from '../../src/ledger/redis/options';

/** What the parent asks for. */
export interface Order {
  /** Name to write to; none: leave the prototype clean. */
  readonly name?: string;
  /** What to write there; `function` stands for a function. */
  readonly value?: unknown;
  /** How far the clock is ahead, in milliseconds. */
  readonly aheadMs: number;
  /** Whether the app starts anew. */
  readonly afresh: boolean;
}

const GIVEN = JSON.parse(process.env['GIVEN'] ?? '{}') as ConnectAuthOptions;
const KEYS = [{ id: 'k1', secret: 'a secret of the session, long enough for anybody' }] as const;
const machineNow = Date.now;
let order: Order = { aheadMs: 0, afresh: false };
Date.now = () => machineNow() + order.aheadMs;

let events: ConnectEvent[] = [];
let url = '';
let connect: ConnectAuth;

function begin(): void {
  events = [];
  connect = connectAuth({
    ...GIVEN,
    redirectUri: `${url}/connect/callback`,
    encryptionKeys: KEYS,
    pkce: false,
    ledger: memoryLedger({ now: () => Date.now() }),
    onEvent: (event) => events.push(event),
  });
}

/** Whether a ledger is made although nothing was asked of it, and what its options are without being given. */
function ledgers(): string {
  memoryLedger();
  const { prefix, commandTimeoutMs } = redisLedgerConfig({
    sendCommand: () => Promise.resolve(null),
    encryptionKeys: KEYS,
  });
  return [prefix, commandTimeoutMs].join();
}

const app = express();
app.use(session({ secret: 'signing', resave: false, saveUninitialized: false, store: new MemoryStore() }));
app.use((req, res, next) => connect(req, res, next));
app.get('/guarded', (req, res, next) => {
  connect.requireConnect()(req, res, next);
});
app.get(
  '/fresh',
  (req, res, next) =>
    void connect
      .getToken(req, {})
      .catch(next)
      .then(() => next()),
);
app.get(['/guarded', '/fresh', '/token'], (req, res) => {
  res.json(Object.hasOwn(req.session, 'connectToken') ? req.session.connectToken : null);
});
// Nobody but who knows the token could make `refused` count.
app.get('/refused', (req, res, next) => {
  const { prototype } = Object;
  Reflect.set(prototype, 'refused', req.session.connectToken?.access_token);
  const asked = connect.getToken(req, {});
  Reflect.deleteProperty(prototype, 'refused');
  asked.then((token) => void res.json(token), next);
});
app.get('/events', (_req, res) => void res.json(events));
app.get('/ledgers', (_req, res) => void res.send(ledgers()));
const last: express.ErrorRequestHandler = (error: { code?: string }, _req, res, next) => {
  if (res.headersSent) next(error);
  else res.status(500).send(error.code);
};
app.use(last);

process.on('message', (next: Order) => {
  const { prototype } = Object;
  if (order.name !== undefined) Reflect.deleteProperty(prototype, order.name);
  order = { ...next };
  if (order.name !== undefined)
    Reflect.set(prototype, order.name, order.value === 'function' ? () => 'evil' : order.value);
  try {
    if (order.afresh) begin();
    process.send?.('done');
  } catch (error) {
    process.send?.(`refused: ${String(error)}`);
  }
});

const server = app.listen(0, '127.0.0.1', () => {
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  begin();
  process.send?.(url);
});
