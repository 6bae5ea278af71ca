// As in the README and in EXAMPLES.md of express-openid-connect: the code flow, and routes that anybody may see. The
// session is its own, an encrypted cookie.
import openidConnect from 'express-openid-connect';
import { CLIENT } from './by-hand.mjs';

export function make({ origin, provider }) {
  const middleware = openidConnect.auth({
    issuerBaseURL: provider,
    baseURL: origin,
    clientID: CLIENT.id,
    clientSecret: CLIENT.secret,
    secret: 'session signing secret of the benchmark',
    authRequired: false,
    authorizationParams: { response_type: 'code', scope: 'openid' },
  });
  return { middleware, hasOwnSession: true, accessToken: (req) => req.oidc.accessToken?.access_token };
}
