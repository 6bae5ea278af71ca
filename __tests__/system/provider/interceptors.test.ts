import http from 'node:http';
import https from 'node:https';
import { json } from 'node:stream/consumers';
import type nockType from 'nock-14';
import { tokenEndpoint, type TokenEndpoint } from '../../../src/provider/token/token-endpoint';
import type { Sandbox } from '../../../src/testing';
import { signIn } from '../../support/app';
import { cleanup } from '../../support/cleanup';
import { configFor, http11, startServer, TEST_CERT, TOKEN_JSON, grantOf } from '../../support/local-server';
import { connectedWorld, givenRotation, refreshingApp, tokenIn } from '../../support/refreshing';
import { startTlsFront } from '../../support/tls-front';

type Nock = typeof nockType;

/** Mocks a host of the user's own, as in a user's test, until the test ends. */
function intercept(nock: Nock): void {
  if (!nock.isActive()) nock.activate();
  nock('http://weather.example').get('/').reply(200, { sky: 'blue' });
  cleanup(() => {
    nock.cleanAll();
    nock.restore();
  });
}

const weather = (): Promise<unknown> =>
  new Promise((resolve, reject) => {
    http.get('http://weather.example/', (response) => void json(response).then(resolve, reject)).on('error', reject);
  });

const routes: NonNullable<Parameters<typeof connectedWorld>[1]>['routes'] = (app, connect) => {
  app.get('/me', (req, res, next) => {
    connect
      .client(req)
      .get<unknown>('/me')
      .then(({ data }) => void res.json(data), next);
  });
};

const outcomeOf = (endpoint: TokenEndpoint): Promise<unknown> =>
  endpoint.exchange(grantOf('code')).then(
    ({ access_token }) => access_token,
    (error: unknown) => error,
  );

let sandbox: Sandbox;
givenRotation((given) => {
  sandbox = given;
});

// They replace node:http's functions when they are loaded; each test switches them on for itself.
describe.each(['nock-14', 'nock-15'])('while %s mocks another host', (name) => {
  let nock: Nock;
  beforeAll(() => {
    nock = jest.requireActual<Nock>(name);
    nock.restore();
  });
  beforeEach(() => intercept(nock));

  test('sign-in, refresh and API call reach the sandbox, and the other host is mocked', async () => {
    const world = await connectedWorld(sandbox, { routes });
    const before = await world.stored();
    await world.expireIn(-10);
    expect(tokenIn(await world.fresh()).access_token).not.toBe(before.access_token);
    expect((await world.visitor.visit(`${world.app.url}/me`)).status).toBe(200);
    expect(sandbox.calls).toMatchObject({ token: 2, api: 1 });
    expect(await weather()).toEqual({ sky: 'blue' });
  });

  test('a provider behind TLS is reached, too', async () => {
    const front = await startTlsFront(sandbox);
    const options = { ...front.options, agent: new https.Agent({ ca: TEST_CERT }) };
    const world = await connectedWorld(sandbox, { options, routes });
    await world.expireIn(-10);
    expect((await world.fresh()).status).toBe(200);
    expect((await world.visitor.visit(`${world.app.url}/me`)).status).toBe(200);
    expect(sandbox.calls).toMatchObject({ token: 2, api: 1 });
  });

  test.each([
    ['nobody vouches for', {}, 'localhost'],
    ['is for another host', { ca: TEST_CERT }, '127.0.0.1'],
  ])('a server whose certificate %s is told nothing', async (_what, settings, host) => {
    const server = await startServer((socket) => socket.write(http11()), true);
    const url = `https://${host}:${server.port}/token`;
    expect(await outcomeOf(tokenEndpoint(configFor(url, { agent: new https.Agent(settings) })))).toMatchObject({
      code: 'ERR_CONNECT_UNAVAILABLE',
      reason: 'unreachable',
    });
    expect(server.bytesReceived()).toBe(0);
  });

  test('an agent that connects in a way of its own is given nothing to send', async () => {
    const server = await startServer((socket) => socket.write(http11()), true);
    class Tolerant extends https.Agent {
      override createConnection(options: object): ReturnType<https.Agent['createConnection']> {
        return super.createConnection({ ...options, rejectUnauthorized: false });
      }
    }
    expect(await outcomeOf(tokenEndpoint(configFor(server.url, { agent: new Tolerant() })))).toMatchObject({
      reason: 'unreachable',
    });
    expect(server.bytesReceived()).toBe(0);
  });

  test('nobody is connected with a token that was mocked: the provider has not said it', async () => {
    const tokenUrl = 'https://provider.example/token';
    nock('https://provider.example').post('/token').reply(200, TOKEN_JSON);
    const { app, visitor } = await refreshingApp(sandbox, { options: { tokenUrl } });
    expect((await signIn(app, sandbox, visitor)).status).toBe(502);
    expect((await visitor.visit(`${app.url}/token`)).body).toBe('null');
  });

  test('a host that nobody listens at is unreachable, and nothing was sent', async () => {
    const gone = await startServer(() => undefined);
    await gone.close();
    expect(await outcomeOf(tokenEndpoint(configFor(gone.url)))).toMatchObject({ reason: 'unreachable' });
    const secure = await startServer(() => undefined, true);
    await secure.close();
    expect(await outcomeOf(tokenEndpoint(configFor(secure.url)))).toMatchObject({ reason: 'unreachable' });
  });

  test('an answer that breaks off is broken, and may have been carried out', async () => {
    const server = await startServer((socket) => socket.destroy());
    expect(await outcomeOf(tokenEndpoint(configFor(server.url)))).toMatchObject({ reason: 'broken' });
  });
});
