import type http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { ConnectAuthOptions } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { signIn } from '../../support/app';
import { http11, TEST_CERT } from '../../support/local-server';
import { connectedWorld, givenRotation, refreshingApp, tokenIn, type Time } from '../../support/refreshing';
import { startTlsFront, type TlsFront } from '../../support/tls-front';

let sandbox: Sandbox;
let time: Time;
givenRotation((given, clock) => {
  sandbox = given;
  time = clock;
});

let front: TlsFront;
beforeEach(async () => {
  front = await startTlsFront(sandbox);
});

/** As packages for proxies do it: a tunnel to the provider, or where the proxy refuses one, what it says instead. */
class ProxyAgent extends https.Agent {
  refusal: Buffer | undefined;

  addRequest(request: http.ClientRequest, options: object): void {
    const { refusal } = this;
    if (refusal === undefined) {
      const core = https.Agent.prototype as unknown as {
        addRequest(request: http.ClientRequest, options: object): void;
      };
      core.addRequest.call(this, request, options);
      return;
    }
    const socket = new net.Socket();
    request.once('socket', () => {
      socket.push(refusal);
      socket.push(null);
    });
    request.onSocket(socket);
  }
}

const behindTls = (agent: https.Agent): Partial<ConnectAuthOptions> => ({ agent, ...front.options });

const newAgent = (): ProxyAgent => new ProxyAgent({ ca: TEST_CERT });

test('nobody is connected with a token that the proxy has made up, and a sign-in through the tunnel works', async () => {
  const agent = newAgent();
  const { app, visitor } = await refreshingApp(sandbox, { options: behindTls(agent) });
  agent.refusal = http11('{"access_token":"of-the-proxy","type":"bearer"}', '201 Created');
  const refused = await signIn(app, sandbox, visitor);
  expect([refused.status, (await visitor.visit(`${app.url}/token`)).body]).toEqual([502, 'null']);

  agent.refusal = undefined;
  expect((await signIn(app, sandbox, visitor)).status).toBe(302);
  expect(tokenIn(await visitor.visit(`${app.url}/token`))).toMatchObject({ type: 'bearer' });
});

test('a proxy that says that the grant is dead ends no connection: nothing was sent, and the next refresh works', async () => {
  const agent = newAgent();
  const world = await connectedWorld(sandbox, { options: behindTls(agent) });
  const { refresh_token: before } = await world.stored();
  await world.expireIn(-10);
  agent.refusal = http11('{"error":"invalid_grant"}', '400 Bad Request');
  expect((await world.fresh()).status).toBe(503);
  expect(world.told('refresh_failed')).toMatchObject([{ code: 'ERR_CONNECT_UNAVAILABLE' }]);
  expect(await world.stored()).toMatchObject({ refresh_token: before });

  agent.refusal = undefined;
  time.pass(120_000);
  expect((await world.fresh()).status).toBe(200);
  expect((await world.stored()).refresh_token).not.toBe(before);
});

test('an API call is not answered by the proxy', async () => {
  const agent = newAgent();
  const world = await connectedWorld(sandbox, {
    options: behindTls(agent),
    routes: (app, connect) => {
      app.get('/me', (req, res, next) => {
        connect
          .client(req)
          .get<unknown>('/me')
          .then(({ data }) => void res.json(data), next);
      });
    },
  });
  agent.refusal = http11('{"success":true,"data":{"name":"of the proxy"}}');
  const refused = await world.visitor.visit(`${world.app.url}/me`, { accept: 'application/json' });
  expect({ status: refused.status, showsProxyAnswer: refused.body.includes('of the proxy') }).toEqual({
    status: 502,
    showsProxyAnswer: false,
  });

  agent.refusal = undefined;
  expect((await world.visitor.visit(`${world.app.url}/me`, { accept: 'application/json' })).status).toBe(200);
});
