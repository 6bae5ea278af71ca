// What an app writes in an afternoon: one pending slot, node:http, and nothing that it could do without. All others are
// measured as a ratio to it.
import { randomBytes } from 'node:crypto';
import express from 'express';
import { CLIENT, authorizationUrl, exchangeCode, redirect } from './by-hand.mjs';

export function make({ origin, provider }) {
  const redirectUri = `${origin}/callback`;
  const exchange = exchangeCode(provider, redirectUri);
  const router = express.Router();

  router.get('/login', (req, res) => {
    const state = randomBytes(16).toString('hex');
    req.session.pending = state;
    redirect(res, authorizationUrl(provider, { client_id: CLIENT.id, redirect_uri: redirectUri, scope: '*', state }));
  });

  router.get('/callback', async (req, res) => {
    const { code, state } = req.query;
    if (typeof code !== 'string' || state === undefined || state !== req.session.pending) {
      res.status(403).end();
      return;
    }
    const token = await exchange(code);
    delete req.session.pending;
    req.session.token = token;
    redirect(res, '/');
  });

  return { middleware: router, accessToken: (req) => req.session.token?.access_token };
}
