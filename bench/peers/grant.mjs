// As in grant's README: "Handlers / Express", "Configuration: Basics", "Misc: Custom Providers".
import express from 'express';
import grant from 'grant';
import { CLIENT } from './by-hand.mjs';

export function make({ origin, provider }) {
  const router = express.Router();
  router.use(
    grant.express({
      defaults: { origin, transport: 'session', state: true },
      bench: {
        authorize_url: `${provider}/authorize`,
        access_url: `${provider}/token`,
        oauth: 2,
        key: CLIENT.id,
        secret: CLIENT.secret,
        scope: ['*'],
        callback: '/hello',
      },
    }),
  );
  return { middleware: router, accessToken: (req) => req.session.grant?.response?.access_token };
}
