// What the flows written by hand share: the address of the provider's page, and a code exchange over node:http.
import { Buffer } from 'node:buffer';
import http from 'node:http';
import { URLSearchParams } from 'node:url';

export const CLIENT = { id: 'the-client-of-the-benchmark', secret: 'the-secret-of-the-benchmark' };

export function authorizationUrl(provider, parameters) {
  return `${provider}/authorize?${new URLSearchParams({ response_type: 'code', ...parameters })}`;
}

/**
 * Sends a browser on. `res.redirect()` also looks at what the browser accepts and writes a body for it, which costs an eighth
 * of a sign-in here; the rows written by hand are to be as fast as they can be.
 */
export function redirect(res, location) {
  res.writeHead(302, { location, 'content-length': 0 });
  res.end();
}

/** Presents a code to the token endpoint over sockets that are kept; gives the token answer, parsed. */
export function exchangeCode(provider, redirectUri) {
  const post = lean(new http.Agent({ keepAlive: true }));
  const authorization = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`;

  return async function exchange(code) {
    const { status, body } = await post(`${provider}/token`, {
      headers: { 'content-type': 'application/json', accept: 'application/json', authorization },
      body: JSON.stringify({ grant_type: 'authorization_code', code, redirect_uri: redirectUri }),
    });
    if (status !== 200) throw new Error(`The token endpoint answered ${status}.`);
    return JSON.parse(body);
  };
}

/** A POST and its answer as text, by node:http with nothing added but a time limit. */
export function lean(agent) {
  return function post(url, { headers, body }) {
    return new Promise((resolve, reject) => {
      const settings = {
        method: 'POST',
        agent,
        timeout: 10_000,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      };
      const request = http.request(url, settings, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
        response.on('error', reject);
      });
      request.on('timeout', () => request.destroy(new Error('The token endpoint is slow.')));
      request.on('error', reject);
      request.end(body);
    });
  };
}
