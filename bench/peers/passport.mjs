// As in the README of passport-oauth2, with its option `state`, and in passport's documentation on sessions. It sends by
// node's global agent, which keeps its sockets.
import express from 'express';
import passportModule from 'passport';
import OAuth2Strategy from 'passport-oauth2';
import { CLIENT } from './by-hand.mjs';

export function make({ origin, provider }) {
  const passport = new passportModule.Passport();
  const strategy = new OAuth2Strategy(
    {
      authorizationURL: `${provider}/authorize`,
      tokenURL: `${provider}/token`,
      clientID: CLIENT.id,
      clientSecret: CLIENT.secret,
      callbackURL: `${origin}/callback`,
      scope: '*',
      state: true,
    },
    (accessToken, refreshToken, _profile, done) => done(null, { accessToken, refreshToken }),
  );
  passport.use(strategy);
  passport.serializeUser((user, done) => done(null, user));
  passport.deserializeUser((user, done) => done(null, user));

  const router = express.Router();
  router.use(passport.session());
  router.get('/login', passport.authenticate('oauth2'));
  router.get('/callback', passport.authenticate('oauth2', { failureRedirect: '/failed', successRedirect: '/' }));
  return { middleware: router, accessToken: (req) => req.user?.accessToken };
}
