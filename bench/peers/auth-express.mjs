// As in the documentation of @auth/express, with an OAuth provider of one's own ("Configuring OAuth providers") and the
// token kept by the callback `jwt` ("Refresh token rotation"). The session is its own, an encrypted cookie.
import { ExpressAuth, getSession } from '@auth/express';
import express from 'express';
import { CLIENT } from './by-hand.mjs';

export function make({ provider }) {
  const config = {
    secret: 'session signing secret of the benchmark',
    trustHost: true,
    providers: [
      {
        id: 'bench',
        name: 'Bench',
        type: 'oauth',
        issuer: provider,
        clientId: CLIENT.id,
        clientSecret: CLIENT.secret,
        authorization: { url: `${provider}/authorize`, params: { scope: '*' } },
        token: `${provider}/token`,
        userinfo: `${provider}/me`,
        profile: ({ id, name }) => ({ id, name }),
      },
    ],
    callbacks: {
      jwt: ({ token, account }) => (account ? { ...token, accessToken: account.access_token } : token),
      session: ({ session, token }) => ({ ...session, accessToken: token.accessToken }),
    },
  };
  const router = express.Router();
  router.use('/auth', ExpressAuth(config));
  return {
    middleware: router,
    hasOwnSession: true,
    accessToken: async (req) => (await getSession(req, config))?.accessToken,
  };
}
