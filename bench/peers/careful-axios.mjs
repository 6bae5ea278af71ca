// The careful flow with axios in front of node:http: what the interceptors, defaults and merging of axios cost, without
// its own adapter.
import { Buffer } from 'node:buffer';
import http from 'node:http';
import axios from 'axios';
import { CLIENT, lean } from './by-hand.mjs';
import { makeWith } from './careful.mjs';

export function make(place) {
  return makeWith(place, exchangeByAxios);
}

function exchangeByAxios(provider, redirectUri) {
  const post = lean(new http.Agent({ keepAlive: true }));
  const client = axios.create({
    auth: { username: CLIENT.id, password: CLIENT.secret },
    async adapter(config) {
      const { username, password } = config.auth;
      config.headers.set('Authorization', `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
      const { status, headers, body } = await post(config.url, { headers: config.headers.toJSON(), body: config.data });
      return { status, statusText: '', headers, data: body, config };
    },
  });

  return async function exchange(code) {
    const fields = { grant_type: 'authorization_code', code, redirect_uri: redirectUri };
    const { status, data } = await client.post(`${provider}/token`, fields);
    if (status !== 200) throw new Error(`The token endpoint answered ${status}.`);
    return data;
  };
}
