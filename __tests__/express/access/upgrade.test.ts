import http from 'node:http';
import type { Request, Response } from 'express';
import session, { MemoryStore } from 'express-session';
import type { ConnectAuth } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { browser, signIn, startApp, type Answer } from '../../support/app';
import { startSandbox } from '../../support/sandbox';
import { serve } from '../../support/serve';

const KEYS = { encryptionKeys: [{ id: 'one', secret: 'a secret of thirty-two characters or more' }] };
const secret = 'session signing secret of the tests';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
});

/** Answers each upgrade with the API's status for its visitor; no middleware but the session has seen the request. */
async function startSockets(connect: ConnectAuth, store: MemoryStore): Promise<string> {
  const sessions = session({ secret, store, resave: false, saveUninitialized: false });
  const server = http.createServer().on('upgrade', (message, socket) => {
    const req = message as Request;
    sessions(req, new http.ServerResponse(req) as Response, () => {
      const end = (status: number): unknown => socket.end(`HTTP/1.1 ${status} Told\r\nConnection: close\r\n\r\n`);
      connect
        .client(req)
        .get('/me')
        .then(
          (answer) => end(answer.status),
          (error: unknown) => end((error as { status: number }).status),
        );
    });
  });
  return (await serve(server)).url;
}

test.each([
  ['plain', {}],
  ['encrypted', KEYS],
])('an upgrade to WebSocket that has run the session acts as its visitor (%s token)', async (_kind, options) => {
  const store = new MemoryStore();
  const instances: ConnectAuth[] = [];
  const app = await startApp(sandbox, { store, options, routes: (_app, connect) => void instances.push(connect) });
  const url = await startSockets(instances[0]!, store);
  const visitor = browser();
  const upgrade = (): Promise<Answer> => visitor.visit(url, { connection: 'Upgrade', upgrade: 'websocket' });

  const before = await upgrade();
  await signIn(app, sandbox, visitor);
  const connected = await upgrade();
  const refreshes = sandbox.calls.refresh;
  sandbox.expireAccessTokens();
  const renewed = await upgrade();
  expect({
    before: before.status,
    connected: connected.status,
    renewed: renewed.status,
    refreshes: sandbox.calls.refresh - refreshes,
  }).toEqual({ before: 401, connected: 200, renewed: 200, refreshes: 1 });
});

test('a socket that reloads its session before each use, as the recipe says, ends with a disconnect elsewhere', async () => {
  const store = new MemoryStore();
  const app = await startApp(sandbox, { store });
  const elsewhere: ConnectAuth[] = [];
  await startApp(sandbox, { store, routes: (_app, connect) => void elsewhere.push(connect) });
  const upgraded: Request[] = [];
  const sessions = session({ secret, store, resave: false, saveUninitialized: false });
  const server = http.createServer().on('upgrade', (message, socket) => {
    const req = message as Request;
    sessions(req, new http.ServerResponse(req) as Response, () => {
      upgraded.push(req);
      socket.end('HTTP/1.1 200 Told\r\nConnection: close\r\n\r\n');
    });
  });
  const visitor = browser();
  await signIn(app, sandbox, visitor);
  await visitor.visit((await serve(server)).url, { connection: 'Upgrade', upgrade: 'websocket' });
  const [req] = upgraded as [Request];
  const used = async (): Promise<string> => {
    const gone = await new Promise((resolve) => req.session.reload(resolve));
    if (gone !== undefined && gone !== null) return 'no session';
    return (await elsewhere[0]!.getToken(req)).type;
  };
  expect(await used()).toBe('bearer');
  const form = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' };
  expect((await visitor.visit(`${app.url}/connect/disconnect`, form, 'POST')).status).toBe(303);
  expect(await used()).toBe('no session');
});
