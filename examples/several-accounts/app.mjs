import express from 'express';
import session from 'express-session';
import { connectAuth, connectOptionsFromEnv } from 'express-connect-auth';

const options = connectOptionsFromEnv();

/** One connection of a visitor, with routes and a session property of its own. */
function account(name) {
  return connectAuth({
    ...options,
    sessionKey: name,
    redirectUri: new URL(`/${name}/callback`, options.redirectUri).href, // register each
    authorizePath: `/${name}/connect`,
    callbackPath: `/${name}/callback`,
    disconnectPath: `/${name}/disconnect`,
  });
}

const source = account('source');
const target = account('target');

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
app.use(source, target);

app.get('/', (req, res) => {
  const line = (name) =>
    req.session[name]
      ? `<form method="post" action="/${name}/disconnect">${name}: connected <button>Disconnect</button></form>`
      : `<p>${name}: <a href="/${name}/connect">connect</a></p>`;
  res.send(`${line('source')}${line('target')}<p><a href="/copy">Copy from source to target</a></p>`);
});
app.get('/copy', source.requireConnect(), target.requireConnect(), (req, res) => {
  const two = req.session.source.access_token !== req.session.target.access_token;
  res.send(`Both are connected, with ${two ? 'a token each' : 'one token'}. <a href="/">Back</a>`);
});

const server = app.listen(process.env.PORT ?? 3000);
// What is in progress ends first, a refresh above all: it may have spent the only token that the visitor has.
for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => server.close(() => Promise.all([source.close(), target.close()])));
