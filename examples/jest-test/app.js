const express = require('express');
const session = require('express-session');
const { connectAuth, connectErrorHandler } = require('express-connect-auth');

/** The app; the options come from outside, so that a test can pass those of a sandbox. */
function createApp(connectOptions) {
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
  const connect = connectAuth(connectOptions);
  app.use(connect);
  app.get('/profile', connect.requireConnect(), async (req, res) => {
    const { data } = await connect.client(req).get('/me'); // { success, data }
    res.json({ name: data.data.name });
  });
  app.use(connectErrorHandler());
  return { app, connect };
}

module.exports = { createApp };
