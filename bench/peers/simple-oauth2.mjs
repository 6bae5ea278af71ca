// As in the README of simple-oauth2: authorizeURL() and getToken(); state and session as in the flow by hand. It
// opens a socket for each request: an agent that it is given is copied, and the copy keeps none.
import { randomBytes } from 'node:crypto';
import express from 'express';
import { AuthorizationCode } from 'simple-oauth2';
import { CLIENT, redirect } from './by-hand.mjs';

export function make({ origin, provider }) {
  const redirectUri = `${origin}/callback`;
  const client = new AuthorizationCode({
    client: CLIENT,
    auth: { tokenHost: provider, tokenPath: '/token', authorizePath: '/authorize' },
  });
  const router = express.Router();

  router.get('/login', (req, res) => {
    const state = randomBytes(16).toString('hex');
    req.session.pending = state;
    redirect(res, client.authorizeURL({ redirect_uri: redirectUri, scope: '*', state }));
  });

  router.get('/callback', async (req, res) => {
    const { code, state } = req.query;
    if (typeof code !== 'string' || state === undefined || state !== req.session.pending) {
      res.status(403).end();
      return;
    }
    const { token } = await client.getToken({ code, redirect_uri: redirectUri, scope: '*' });
    delete req.session.pending;
    req.session.token = token;
    redirect(res, '/');
  });

  return { middleware: router, accessToken: (req) => req.session.token?.access_token };
}
