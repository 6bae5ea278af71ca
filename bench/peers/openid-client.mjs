// As in the README of openid-client, "Authorization Code Flow": PKCE instead of state, because the server supports it. Its
// fetch keeps sockets by itself.
import express from 'express';
import * as client from 'openid-client';
import { CLIENT, redirect } from './by-hand.mjs';

export function make({ origin, provider }) {
  const redirectUri = `${origin}/callback`;
  const server = {
    issuer: provider,
    authorization_endpoint: `${provider}/authorize`,
    token_endpoint: `${provider}/token`,
    code_challenge_methods_supported: ['S256'],
  };
  const config = new client.Configuration(server, CLIENT.id, CLIENT.secret);
  // The provider of the benchmark speaks plain HTTP.
  client.allowInsecureRequests(config);
  const router = express.Router();

  router.get('/login', async (req, res) => {
    const verifier = client.randomPKCECodeVerifier();
    req.session.pending = verifier;
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: '*',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    redirect(res, url.href);
  });

  router.get('/callback', async (req, res) => {
    const token = await client.authorizationCodeGrant(config, new URL(req.originalUrl, origin), {
      pkceCodeVerifier: req.session.pending,
    });
    delete req.session.pending;
    req.session.token = token;
    redirect(res, '/');
  });

  return { middleware: router, accessToken: (req) => req.session.token?.access_token };
}
