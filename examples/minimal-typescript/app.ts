import express from 'express';
import session from 'express-session';
import { connectAuth, connectErrorHandler, connectOptionsFromEnv, type ConnectEvent } from 'express-connect-auth';

const secret = process.env['SESSION_SECRET'];
if (!secret) throw new Error('Set SESSION_SECRET to a long random text.');

const app = express();
// Behind a proxy that ends TLS: app.set('trust proxy', 1), or the cookie is never `secure`.
app.use(
  session({
    secret,
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', secure: 'auto' },
  }),
);
const connect = connectAuth({ ...connectOptionsFromEnv(), onEvent: report });
app.use(connect);

app.get('/', connect.requireConnect(), async (req, res) => {
  const { type, expires_at: expiresAt } = await connect.getToken(req);
  res.json({ type, expiresAt: expiresAt === undefined ? null : new Date(expiresAt * 1000) });
});
app.use(connectErrorHandler());

const server = app.listen(process.env['PORT'] ?? 3000);
// What is in progress ends first, a refresh above all: it may have spent the only token that the visitor has.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.close(() => void connect.close()));

/** A union: the compiler knows which members an event of each type has. */
function report(event: ConnectEvent): void {
  console.log(event.type === 'error' ? `${event.code}, answered with ${event.status}` : event.type);
}
