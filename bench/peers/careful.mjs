// The flow by hand as a careful developer writes it: the state is used up in the store before the code is exchanged, and
// whoever has signed in gets a new session id, saved before the redirect.
import { randomBytes } from 'node:crypto';
import express from 'express';
import { CLIENT, authorizationUrl, exchangeCode, redirect } from './by-hand.mjs';

export function make(place) {
  return makeWith(place, exchangeCode);
}

/** @param exchangeWith - makes the code exchange */
export function makeWith({ origin, provider }, exchangeWith) {
  const redirectUri = `${origin}/callback`;
  const exchange = exchangeWith(provider, redirectUri);
  const router = express.Router();

  router.get('/login', (req, res) => {
    const state = randomBytes(32).toString('base64url');
    req.session.pending = { state, at: Date.now() };
    redirect(res, authorizationUrl(provider, { client_id: CLIENT.id, redirect_uri: redirectUri, scope: '*', state }));
  });

  router.get('/callback', async (req, res) => {
    const { code, state } = req.query;
    const { pending } = req.session;
    if (typeof code !== 'string' || pending === undefined || state !== pending.state) {
      res.status(403).end();
      return;
    }
    delete req.session.pending;
    await called(req.session, 'save');
    const token = await exchange(code);
    await called(req.session, 'regenerate');
    req.session.token = token;
    await called(req.session, 'save');
    redirect(res, '/');
  });

  return { middleware: router, accessToken: (req) => req.session.token?.access_token };
}

function called(session, method) {
  return new Promise((resolve, reject) => session[method]((error) => (error ? reject(error) : resolve())));
}
