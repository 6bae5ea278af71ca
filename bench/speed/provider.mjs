// The provider, as lean as it can be: whoever asks to sign in is sent back at once with a code; tokens of the usual
// length; for peers that want OpenID Connect the discovery document, keys and a signed ID token.
import { Buffer } from 'node:buffer';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { URLSearchParams } from 'node:url';
import { answering, ready } from './answering.mjs';

const ACCESS_TOKEN_LENGTH = 600;
const REFRESH_TOKEN_LENGTH = 300;
const KEY_ID = 'bench';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const counts = { exchanges: 0, refreshes: 0, api: 0, sockets: 0 };
const behaviour = { expiresInSeconds: 3600, refreshLatencyMs: 0 };
let origin = '';
let issued = 0;

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function authorize(query, res) {
  // Whatever the token endpoint has to know of this sign-in is in the code.
  const { scope = '', nonce = '', client_id: client = '' } = Object.fromEntries(query);
  issued += 1;
  const isOpenId = scope.split(' ').includes('openid');
  const code = isOpenId ? `${issued}.${encode({ nonce, client })}` : `${issued}`;
  const back = new URLSearchParams({ code });
  const state = query.get('state');
  if (state !== null) back.set('state', state);
  res.writeHead(302, { location: `${query.get('redirect_uri')}?${back}`, 'content-length': 0 });
  res.end();
}

async function token(req, res) {
  const fields = fieldsOf(req, await bodyOf(req));
  if (fields.grant_type === 'refresh_token') {
    counts.refreshes += 1;
    const { refreshLatencyMs } = behaviour;
    if (refreshLatencyMs > 0) await sleep(refreshLatencyMs);
    json(res, tokenSet(3600));
    return;
  }
  counts.exchanges += 1;
  const [, openId] = String(fields.code).split('.');
  const set = tokenSet(behaviour.expiresInSeconds);
  json(res, openId === undefined ? set : { ...set, id_token: idToken(openId, set) });
}

function tokenSet(expiresInSeconds) {
  issued += 1;
  return {
    access_token: `at${issued}.`.padEnd(ACCESS_TOKEN_LENGTH, 'a'),
    refresh_token: `rt${issued}.`.padEnd(REFRESH_TOKEN_LENGTH, 'r'),
    token_type: 'bearer',
    expires_in: expiresInSeconds,
  };
}

function idToken(openId, { access_token: accessToken }) {
  const { nonce, client } = JSON.parse(Buffer.from(openId, 'base64url').toString());
  const now = Math.floor(Date.now() / 1000);
  const hash = createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
  const claims = { iss: origin, sub: 'somebody', aud: client, iat: now, exp: now + 3600, at_hash: hash };
  const head = `${encode({ alg: 'RS256', kid: KEY_ID })}.${encode(nonce === '' ? claims : { ...claims, nonce })}`;
  return `${head}.${sign('sha256', Buffer.from(head), privateKey).toString('base64url')}`;
}

function discovery() {
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    userinfo_endpoint: `${origin}/me`,
    jwks_uri: `${origin}/jwks`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['S256'],
  };
}

function fieldsOf(req, body) {
  return req.headers['content-type']?.startsWith('application/json')
    ? JSON.parse(body)
    : Object.fromEntries(new URLSearchParams(body));
}

async function bodyOf(req) {
  let body = '';
  req.setEncoding('utf8');
  for await (const chunk of req) body += chunk;
  return body;
}

function json(res, value) {
  const body = JSON.stringify(value);
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  res.end(body);
}

const ROUTES = {
  '/authorize': (_req, res, query) => authorize(query, res),
  '/token': token,
  '/me': (_req, res) => {
    counts.api += 1;
    json(res, { success: true, data: { id: '1', name: 'Somebody', email: 'somebody@example.com' } });
  },
  '/jwks': (_req, res) =>
    json(res, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' }] }),
  '/.well-known/openid-configuration': (_req, res) => json(res, discovery()),
};

const server = http.createServer((req, res) => {
  const [path, query = ''] = req.url.split('?');
  const route = ROUTES[path];
  if (route === undefined) res.writeHead(404).end();
  else Promise.resolve(route(req, res, new URLSearchParams(query))).catch(() => res.destroy());
});
server.keepAliveTimeout = 60_000;
server.on('connection', () => (counts.sockets += 1));

answering({
  counts: () => counts,
  behave: (changes) => Object.assign(behaviour, changes),
});
server.listen(0, '127.0.0.1', 2048, () => {
  origin = `http://127.0.0.1:${server.address().port}`;
  ready({ origin });
});
