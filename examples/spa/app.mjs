import { fileURLToPath } from 'node:url';
import express from 'express';
import session from 'express-session';
import { connectAuth, connectErrorHandler, connectOptionsFromEnv } from 'express-connect-auth';

const app = express();
// Behind a proxy that ends TLS: app.set('trust proxy', 1), or the cookie is never `secure`.
app.use(
  session({
    secret: process.env.SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', secure: 'auto' },
  }),
);
const connect = connectAuth({ ...connectOptionsFromEnv(), afterConnect: '/connected.html' });
app.use(connect);

app.get('/api/me', connect.requireConnect({ onMissing: 'error' }), async (req, res) => {
  const { data } = await connect.client(req).get('/me'); // { success, data }
  res.json(data.data);
});
app.use(express.static(fileURLToPath(new URL('public', import.meta.url))));
app.use(connectErrorHandler());

const server = app.listen(process.env.PORT ?? 3000);
// What is in progress ends first, a refresh above all: it may have spent the only token that the visitor has.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.close(() => connect.close()));
