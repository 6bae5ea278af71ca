import http from 'node:http';
import type { Request, Response } from 'express';
import type { ConnectAuthOptions } from '../../../src';
import { browser, startApp, type Browser, type TestApp } from '../../support/app';
import { PAGE } from '../../support/provider-page';
import { serve } from '../../support/serve';
import { onlySession } from '../../support/stored';

/** A token request as it came. */
interface Seen {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: unknown;
}

let seen: Seen[];
/** Headers of the API calls that came, and how many of them are refused first. */
let calls: http.IncomingHttpHeaders[];
let refusals: number;
let providerUrl: string;
beforeEach(async () => {
  [seen, calls, refusals] = [[], [], 0];
  providerUrl = (await serve(http.createServer(asDocumented))).url;
});

/** A provider that knows the samples of the pages by heart, and nothing else. */
function asDocumented(req: http.IncomingMessage, res: http.ServerResponse): void {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => {
    res.setHeader('Content-Type', 'application/json');
    if (req.url?.startsWith('/api/') === true) {
      calls.push(req.headers);
      refusals -= 1;
      if (refusals >= 0) res.statusCode = 401;
      res.end(JSON.stringify(refusals >= 0 ? { error: { code: 401 } } : { success: true, data: { id: 1 } }));
      return;
    }
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    seen.push({ method: req.method, path: req.url, headers: req.headers, body });
    res.end(JSON.stringify(PAGE.answer));
  });
}

function documentedApp(options: Partial<ConnectAuthOptions>): Promise<TestApp> {
  const connectOptions = {
    clientId: PAGE.clientId,
    clientSecret: PAGE.clientSecret,
    accessTokenKey: PAGE.accessTokenKey,
    authorizeUrl: `${providerUrl}/oAuth/authorize`,
    tokenUrl: `${providerUrl}${PAGE.path}`,
    apiBaseUrl: `${providerUrl}/api/v2/integrations`,
  };
  return startApp(
    { connectOptions },
    {
      options,
      routes: (app, connect) => {
        app.get('/fresh', (req: Request, res: Response, next) => {
          connect.getToken(req).then((token) => void res.json(token), next);
        });
        app.get('/me-with', (req: Request, res: Response, next) => {
          connect
            .client(req)
            .get<unknown>('/me', { headers: req.query as Record<string, string> })
            .then(({ data, config }) => void res.json({ data, headers: config.headers }), next);
        });
        app.get('/me', (req: Request, res: Response, next) => {
          connect
            .client(req)
            .get<unknown>('/me')
            .then(({ data }) => void res.json(data), next);
        });
      },
    },
  );
}

/** The journey up to the callback. @returns the parameters of the authorization request */
async function signIn(app: TestApp, visitor: Browser): Promise<URLSearchParams> {
  const { location } = await visitor.visit(`${app.url}/connect/authorize`);
  const asked = new URL(location).searchParams;
  const query = new URLSearchParams({ code: PAGE.code, state: asked.get('state') ?? '' });
  const landed = await visitor.visit(`${app.url}/connect/callback?${query.toString()}`);
  expect({ status: landed.status, location: landed.location }).toEqual({ status: 302, location: '/' });
  return asked;
}

async function shown(app: TestApp, visitor: Browser, path: string): Promise<unknown> {
  return JSON.parse((await visitor.visit(app.url + path, { accept: 'application/json' })).body);
}

const connection = (generation: number): unknown =>
  expect.stringMatching(new RegExp(`^[\\w-]{22}\\.${generation}\\.0$`, 'u'));

describe.each([
  ['in the body, as in the sample', 'body', undefined],
  [
    'in the header, as recommended',
    'header',
    `Basic ${Buffer.from(`${PAGE.clientId}:${PAGE.clientSecret}`).toString('base64')}`,
  ],
] as const)("the provider's page to the letter, credentials %s", (_where, clientAuthentication, authorization) => {
  const withoutSecret = (fields: Record<string, string>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(fields).filter(([name]) => clientAuthentication === 'body' || name !== 'client_secret'),
    );
  const request = (fields: Record<string, string>): unknown => ({
    method: PAGE.method,
    path: PAGE.path,
    headers: expect.objectContaining({
      accesstoken: PAGE.accessTokenKey,
      'content-type': PAGE.contentType,
    }) as unknown,
    body: withoutSecret(fields),
  });
  const credentials = { client_id: PAGE.clientId, client_secret: PAGE.clientSecret };

  test('sign-in, token and refresh send and receive exactly what it shows', async () => {
    const app = await documentedApp({ clientAuthentication, pkce: false });
    const visitor = browser();
    const asked = await signIn(app, visitor);
    const redirect_uri = `${app.url}/connect/callback`;
    expect([...asked.keys()].filter((name) => name !== 'state')).toEqual(PAGE.authorizeFields);
    expect(Object.fromEntries(asked)).toMatchObject({
      client_id: PAGE.clientId,
      redirect_uri,
      response_type: 'code',
      scope: '*',
    });

    const exchange = { ...credentials, redirect_uri, grant_type: 'authorization_code', code: PAGE.code };
    expect(Object.keys(exchange).sort()).toEqual([...PAGE.exchangeFields].sort());
    expect(seen).toEqual([request(exchange)]);
    expect(seen[0]?.headers.authorization).toBe(authorization);

    const kept = { ...PAGE.answer, connection: connection(0) };
    expect(await shown(app, visitor, '/token')).toEqual(kept);
    expect((await onlySession(app))['connectToken']).toEqual(kept);

    // An expiry of 2022 causes nothing: neither a refresh nor a failure, on whatever way.
    expect(await shown(app, visitor, '/fresh')).toEqual(kept);
    expect(await shown(app, visitor, '/me')).toEqual({ success: true, data: { id: 1 } });
    expect({
      requests: seen.length,
      keys: calls.map((headers) => headers['accesstoken']),
      bearers: calls.map((headers) => headers.authorization),
    }).toEqual({
      requests: 1,
      keys: [PAGE.accessTokenKey],
      bearers: [`Bearer ${PAGE.answer.access_token}`],
    });

    // "All requests to Connect's API will return an unauthorized error": then, and only then, it is refreshed.
    refusals = 1;
    await shown(app, visitor, '/me');
    const refresh = { ...credentials, grant_type: 'refresh_token', refresh_token: PAGE.answer.refresh_token };
    expect(Object.keys(refresh).sort()).toEqual([...PAGE.refreshFields].sort());
    expect(seen.slice(1)).toEqual([request(refresh)]);
    expect(seen[1]?.headers.authorization).toBe(authorization);
    expect(await shown(app, visitor, '/token')).toEqual({ ...PAGE.answer, connection: connection(1) });
  });
});

test('a sealed session keeps the field as it came, too', async () => {
  const app = await documentedApp({
    encryptionKeys: [{ id: 'k1', secret: 'a secret of at least 32 characters'.repeat(2) }],
  });
  const visitor = browser();
  await signIn(app, visitor);
  expect(await shown(app, visitor, '/fresh')).toEqual({ ...PAGE.answer, connection: connection(0) });
  expect((await onlySession(app))['connectToken']).toMatch(/^v2\.k1\.[\w-]{22}\.0\.0\./u);
  expect(seen.length).toBe(1);
});

test('the key goes to the API only when it is set, is no matter of the caller then, and stays out of the answer', async () => {
  const app = await documentedApp({});
  const visitor = browser();
  await signIn(app, visitor);
  const own = { accesstoken: 'CANARY' };
  const theirs = await shown(app, visitor, `/me-with?${new URLSearchParams(own).toString()}`);
  expect(calls.map((headers) => headers['accesstoken'])).toEqual([PAGE.accessTokenKey]);
  expect(JSON.stringify(theirs)).not.toContain(PAGE.accessTokenKey);
  const without = await documentedApp({ accessTokenKey: undefined });
  const another = browser();
  await signIn(without, another);
  await shown(without, another, '/me');
  await shown(without, another, `/me-with?${new URLSearchParams(own).toString()}`);
  expect(calls.slice(1).map((headers) => headers['accesstoken'])).toEqual([undefined, 'CANARY']);
});
