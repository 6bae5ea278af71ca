import express from 'express';
import session from 'express-session';
import { connectErrorHandler } from 'express-connect-auth';
import { close, connect } from './connect.mjs';
import { store } from './store.mjs';
import { users } from './users.mjs';

const app = express();
// Behind a proxy that ends TLS: app.set('trust proxy', 1), or the cookie is never `secure`.
app.use(
  session({
    store,
    secret: process.env.SESSION_SECRET,
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax', secure: 'auto' },
  }),
);

// Your own login, here without a password. It comes before `connect`, which asks who is logged in.
app.post('/login/:user', (req, res, next) => {
  const user = users.find((name) => name === req.params.user);
  if (user === undefined) return res.sendStatus(404);
  req.session.regenerate((error) => {
    if (error) return next(error);
    req.session.user = user;
    res.redirect(303, '/');
  });
});
app.post('/logout', (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.redirect(303, '/')));
});
app.use(connect);

app.get('/', async (req, res) => {
  const { user } = req.session;
  if (user === undefined) return res.send(users.map((name) => button(`/login/${name}`, `Log in as ${name}`)).join(''));
  const { connected, since } = await connect.of(user).status();
  const account = connected
    ? `<p>Connected since ${since.toUTCString()}</p>${button('/connect/disconnect', 'Disconnect')}`
    : '<p><a href="/connect/authorize">Connect your account</a></p>';
  res.send(`<h1>${user}</h1>${account}${button('/logout', 'Log out')}`);
});
app.use(connectErrorHandler());

function button(action, text) {
  return `<form method="post" action="${action}"><button>${text}</button></form>`;
}

const server = app.listen(process.env.PORT ?? 3000);
let stopping; // the terminal and npm may both say so
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => (stopping ??= server.close(close)));
