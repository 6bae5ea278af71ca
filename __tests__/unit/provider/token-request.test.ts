import { Agent } from 'node:http';
import { tokenEndpoint } from '../../../src/provider/token/token-endpoint';
import { configFor, http11, startServer, TOKEN_JSON, type LocalServer, grantOf } from '../../support/local-server';

const AWKWARD_ID = 'id:%+ é/ü&=*';
const AWKWARD_SECRET = 'p%ss:w+rd "ß"\\&=日本';

let server: LocalServer;
beforeAll(async () => {
  server = await startServer((socket) => socket.write(http11()));
});

const lastRequest = () => server.requests.at(-1)!;
const fieldsOf = (body: string) => Object.fromEntries(new URLSearchParams(body));
const endpointFor = (changes: Parameters<typeof configFor>[1]) => tokenEndpoint(configFor(server.url, changes));

describe.each(['json', 'form'] as const)('a %s request', (requestFormat) => {
  const parse = (body: string): unknown => (requestFormat === 'json' ? JSON.parse(body) : fieldsOf(body));
  const type = requestFormat === 'json' ? 'application/json' : 'application/x-www-form-urlencoded';

  test('with the secret in the body has it there and nowhere else', async () => {
    const endpoint = endpointFor({ requestFormat, clientId: AWKWARD_ID, clientSecret: AWKWARD_SECRET });
    await endpoint.exchange(grantOf('the-code', 'the-verifier'));
    const { head, headers, body } = lastRequest();
    expect(head).toBe('POST /token HTTP/1.1');
    expect(headers['content-type']).toBe(type);
    expect(headers).not.toHaveProperty('authorization');
    expect(parse(body)).toEqual({
      client_id: AWKWARD_ID,
      client_secret: AWKWARD_SECRET,
      grant_type: 'authorization_code',
      code: 'the-code',
      redirect_uri: 'https://app.example/connect/callback',
      code_verifier: 'the-verifier',
    });
  });

  test('with the secret in the header has only client_id in the body', async () => {
    const endpoint = endpointFor({
      requestFormat,
      clientAuthentication: 'header',
      clientId: AWKWARD_ID,
      clientSecret: AWKWARD_SECRET,
    });
    await endpoint.exchange(grantOf('the-code'));
    const { headers, body } = lastRequest();
    expect(parse(body)).toEqual({
      client_id: AWKWARD_ID,
      grant_type: 'authorization_code',
      code: 'the-code',
      redirect_uri: 'https://app.example/connect/callback',
    });
    const [scheme, credentials = ''] = headers.authorization!.split(' ');
    const parts = Buffer.from(credentials, 'base64').toString().split(':');
    expect(scheme).toBe('Basic');
    expect(parts).toEqual([
      'id%3A%25%2B+%C3%A9%2F%C3%BC%26%3D*',
      'p%25ss%3Aw%2Brd+%22%C3%9F%22%5C%26%3D%E6%97%A5%E6%9C%AC',
    ]);
    expect(parts.map((part) => decodeURIComponent(part.replaceAll('+', ' ')))).toEqual([AWKWARD_ID, AWKWARD_SECRET]);
  });

  test('for a refresh has neither redirect_uri nor code_verifier', async () => {
    await endpointFor({ requestFormat }).refresh('the-refresh+token=');
    expect(parse(lastRequest().body)).toEqual({
      client_id: 'client-id',
      client_secret: 'CANARY-secret',
      grant_type: 'refresh_token',
      refresh_token: 'the-refresh+token=',
    });
  });
});

test('the headers are these and no others', async () => {
  await endpointFor({ clientAuthentication: 'header' }).refresh('rt');
  expect(lastRequest().headers).toEqual({
    accept: 'application/json',
    'accept-encoding': 'identity',
    'content-type': 'application/json',
    'user-agent': 'express-connect-auth',
    authorization: `Basic ${Buffer.from('client-id:CANARY-secret').toString('base64')}`,
    'content-length': String(lastRequest().body.length),
    host: `127.0.0.1:${server.port}`,
    connection: 'keep-alive',
  });
});

test('the ACCESSTOKEN header goes out when it is configured', async () => {
  await endpointFor({ accessTokenKey: 'dev-key' }).exchange(grantOf('code'));
  expect(lastRequest().headers.accesstoken).toBe('dev-key');
});

test('the query of tokenUrl is kept', async () => {
  await tokenEndpoint(configFor(`${server.url}?tenant=a%20b`)).exchange(grantOf('code'));
  expect(lastRequest().head).toBe('POST /token?tenant=a%20b HTTP/1.1');
});

test('ten calls one after the other use one connection', async () => {
  const endpoint = endpointFor({});
  const before = server.sockets.length;
  for (let call = 0; call < 10; call += 1) await endpoint.exchange(grantOf('code'));
  expect(server.sockets.length - before).toBe(1);
});

test('an idle connection is closed by us', async () => {
  await endpointFor({}).exchange(grantOf('code'));
  await server.allClosed();
  expect(server.sockets.every((socket) => socket.destroyed)).toBe(true);
});

describe('what comes back', () => {
  test.each([
    ['a new refresh token', TOKEN_JSON, 'new-refresh'],
    ['none', '{"access_token":"a"}', 'old'],
    ['null', '{"access_token":"a","refresh_token":null}', 'old'],
    ['an empty one', '{"access_token":"a","refresh_token":""}', 'old'],
  ])('at a refresh with %s keeps the right one', async (_what, body, kept) => {
    const local = await startServer((socket) => socket.write(http11(body)));
    const { refresh_token } = await tokenEndpoint(configFor(local.url)).refresh('old');
    expect(refresh_token).toBe(kept);
  });

  test('at an exchange without refresh token has none', async () => {
    const local = await startServer((socket) =>
      socket.write(http11('{"access_token":"a","expires_in":60,"scope":"x"}', '201 Created')),
    );
    const token = await tokenEndpoint(configFor(local.url)).exchange(grantOf('code'));
    expect(token).toEqual({ access_token: 'a', type: 'bearer', scope: 'x', expires_at: expect.any(Number) as number });
    expect(Math.abs(token.expires_at! - Date.now() / 1000 - 60)).toBeLessThan(10);
  });

  test('at an error is the error, with stage, number and wait', async () => {
    const local = await startServer((socket) =>
      socket.write(http11('{"code":429}', '400 Bad Request', 'Retry-After: 30')),
    );
    const endpoint = tokenEndpoint(configFor(local.url, { statusByApiCode: { 429: 529 } }));
    await expect(endpoint.exchange(grantOf('code'))).rejects.toMatchObject({
      name: 'ConnectError',
      code: 'ERR_CONNECT_RATE_LIMITED',
      status: 529,
      stage: 'exchange',
      retryAfterSeconds: 30,
      provider: { status: 400, apiCode: 429 },
    });
    await expect(endpoint.refresh('rt')).rejects.toMatchObject({ code: 'ERR_CONNECT_RATE_LIMITED', stage: 'refresh' });
  });
});

test.each([
  ['a tokenUrl that is none', { tokenUrl: 'not a URL' }],
  ['a key unfit for a header', { accessTokenKey: '日本' }],
  ['an agent for another protocol', { tokenUrl: 'https://localhost:1/' }],
])('%s is told as a fault of configuration', async (_what, changes) => {
  const endpoint = endpointFor({ agent: new Agent(), ...changes });
  await expect(endpoint.exchange(grantOf('code'))).rejects.toMatchObject({
    code: 'ERR_CONNECT_CONFIG',
    status: 500,
    stage: 'exchange',
  });
});
