// A second provider for refreshes: oidc-provider rotates every refresh token and ends the whole grant when a used one
// comes again. A shim in front speaks as Appy Pie documents: JSON token requests, flat answers with `type` and
// `expires_at`. Counts presentations per refresh token. A child process, started with an IPC channel. Access tokens live
// for an hour by the clock of this process, which /control/clock puts ahead.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { URLSearchParams } from 'node:url';
import Provider from 'oidc-provider';

const machineNow = Date.now;
let aheadMs = 0;
Date.now = () => machineNow() + aheadMs;

const client = { clientId: 'rotating-client', clientSecret: randomBytes(24).toString('base64url') };
const presentations = new Map();
/** The last request per refresh token: those for one token are served in turn, so that no reuse slips through. */
const turns = new Map();

const server = createServer((req, res) => {
  serve(req, res).catch((error) => {
    console.error(error);
    res.destroy();
  });
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(url, {
  adapter: adapterOver(new Map()),
  clients: [
    {
      client_id: client.clientId,
      client_secret: client.clientSecret,
      redirect_uris: ['http://127.0.0.1/'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  cookies: { keys: ['cookie signing key of the tests'] },
  rotateRefreshToken: true,
  ttl: { AccessToken: 3_600, RefreshToken: 86_400, Grant: 86_400, Session: 3_600, Interaction: 600 },
});
// The ports of the apps are not known when this process starts.
provider.Client.prototype.redirectUriAllowed = (uri) => new URL(uri).hostname === '127.0.0.1';
const pages = provider.callback();

process.once('disconnect', () => process.exit());
process.send({ url, ...client });

async function serve(req, res) {
  const { pathname, searchParams } = new URL(req.url, url);
  if (pathname === '/oAuth/authorize')
    return void res.writeHead(303, { Location: authorizationUrl(searchParams) }).end();
  if (pathname === '/v1/oauth2/token') return answer(res, await tokenAnswer(req));
  if (pathname === '/api/v2/integrations/me') return answer(res, await profileAnswer(req));
  if (pathname === '/control/presentations') return answer(res, { status: 200, body: [...presentations] });
  if (pathname === '/control/clock') {
    aheadMs = Number(searchParams.get('ahead')) * 1000;
    return answer(res, { status: 200, body: {} });
  }
  return void pages(req, res);
}

function answer(res, { status, body }) {
  res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  res.end(JSON.stringify(body));
}

/** The documented scope `*` is unknown here; offline access needs the consent page (OpenID Connect Core §11). */
function authorizationUrl(query) {
  query.set('scope', 'openid offline_access');
  query.set('prompt', 'consent');
  return `${url}/auth?${query}`;
}

async function tokenAnswer(req) {
  const fields = await fieldsOf(req);
  const token = fields.grant_type === 'refresh_token' ? String(fields.refresh_token) : undefined;
  if (token === undefined) return forward(req, fields);
  presentations.set(token, (presentations.get(token) ?? 0) + 1);
  const turn = (turns.get(token) ?? Promise.resolve()).then(() => forward(req, fields));
  turns.set(
    token,
    turn.catch(() => undefined),
  );
  return turn;
}

async function forward(req, fields) {
  const { authorization = '' } = req.headers;
  const reply = await globalThis.fetch(`${url}/token`, {
    method: 'POST',
    headers: { authorization },
    body: new URLSearchParams(fields),
  });
  const body = await reply.json();
  if (reply.status !== 200) return { status: reply.status, body };
  const { access_token, refresh_token, expires_in } = body;
  const expires_at = Math.floor(Date.now() / 1000) + expires_in;
  return { status: 200, body: { access_token, refresh_token, expires_at, type: 'bearer' } };
}

async function profileAnswer(req) {
  const token = /^Bearer (.+)$/.exec(req.headers.authorization ?? '')?.[1];
  const found = token === undefined ? undefined : await provider.AccessToken.find(token);
  return found === undefined
    ? { status: 401, body: { success: false, code: 401 } }
    : { status: 200, body: { success: true, data: { id: found.accountId } } };
}

async function fieldsOf(req) {
  let text = '';
  for await (const chunk of req) text += chunk;
  return req.headers['content-type']?.startsWith('application/json')
    ? JSON.parse(text)
    : Object.fromEntries(new URLSearchParams(text));
}

/** The adapter that comes with oidc-provider forgets all but 1,000 records; a long run must not lose a token to that. */
function adapterOver(records) {
  const alive = (record) => (record !== undefined && record.untilMs > Date.now() ? record.payload : undefined);
  return (model) => {
    const find = async (id) => alive(records.get(`${model}:${id}`));
    return {
      find,
      async upsert(id, payload, expiresIn = Infinity) {
        records.set(`${model}:${id}`, { payload, untilMs: Date.now() + expiresIn * 1000 });
      },
      async findByUid(uid) {
        return [...records.entries()]
          .filter(([key]) => key.startsWith(`${model}:`))
          .map(([, record]) => alive(record))
          .find((payload) => payload?.uid === uid);
      },
      findByUserCode: async () => undefined,
      async consume(id) {
        records.get(`${model}:${id}`).payload.consumed = Math.floor(Date.now() / 1000);
      },
      async destroy(id) {
        records.delete(`${model}:${id}`);
      },
      async revokeByGrantId(grantId) {
        for (const [key, { payload }] of records)
          if (payload.grantId === grantId && key !== `Grant:${grantId}`) records.delete(key);
      },
    };
  };
}
