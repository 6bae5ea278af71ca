import express from 'express';
import session from 'express-session';
import { connectAuth, connectOptionsFromEnv } from 'express-connect-auth';

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
const connect = connectAuth(connectOptionsFromEnv());
app.use(connect);

app.get('/', (req, res) => {
  const token = req.session.connectToken;
  res.send(
    token
      ? `Connected (${token.type}) <form method="post" action="/connect/disconnect"><button>Disconnect</button></form>`
      : '<a href="/connect/authorize">Connect your account</a>',
  );
});

const server = app.listen(process.env.PORT ?? 3000);
// What is in progress ends first, a refresh above all: it may have spent the only token that the visitor has.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.close(() => connect.close()));
