import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser, type Browser, type TestApp } from '../../support/app';
import { cleanup } from '../../support/cleanup';
import { http11, TEST_CERT_FILE } from '../../support/local-server';
import { startConnectProxy, startSocksProxy, type Proxy } from '../../support/proxies';
import { startSandbox } from '../../support/sandbox';
import { startTlsFront, type TlsFront } from '../../support/tls-front';
import type { Surroundings } from './apps-behind-proxies';

let sandbox: Sandbox;
let front: TlsFront;
let connectProxy: Proxy;
let socksProxy: Proxy;
let urls: Readonly<Record<string, string>>;

// A process of its own, which trusts the test certificate as it would a company's CA: some of these packages take no CA for
// what is behind the proxy, and some are ES modules only.
beforeAll(async () => {
  sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
  [front, connectProxy, socksProxy] = await Promise.all([
    startTlsFront(sandbox),
    startConnectProxy(),
    startSocksProxy(),
  ]);
  const child = fork(
    join(__dirname, '../../support/typescript-process.cjs'),
    [join(__dirname, 'apps-behind-proxies.ts')],
    {
      env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: TEST_CERT_FILE, EXPRESS: 'express', NODE_NO_WARNINGS: '1' },
      execArgv: [],
    },
  );
  cleanup(() => void child.kill('SIGKILL'));
  const given: Surroundings = {
    connectProxy: connectProxy.url,
    socksProxy: socksProxy.url,
    options: { ...sandbox.connectOptions, ...front.options },
  };
  child.send(given);
  [urls] = (await once(child, 'message')) as [typeof urls];
});

const NAMES = ['https-proxy-agent 5', 'https-proxy-agent 7', 'https-proxy-agent 9', 'proxy-agent', 'socks-proxy-agent'];

describe.each(NAMES)('with %s', (name) => {
  let app: TestApp;
  let proxy: Proxy;
  let visitor: Browser;
  let before: { readonly tunnels: number; readonly token: number };
  beforeEach(() => {
    app = { url: urls[name] } as TestApp;
    proxy = name.startsWith('socks') ? socksProxy : connectProxy;
    visitor = browser();
    before = { tunnels: proxy.tunnels.length, token: sandbox.calls.token };
  });
  afterEach(() => proxy.refuseWith(undefined));

  const visit = (path: string) => visitor.visit(app.url + path, { accept: 'application/json' });
  const tokenCalls = (): number => sandbox.calls.token - before.token;

  test('sign-in, refresh and API call go through the proxy, and nothing goes past it', async () => {
    await visitor.visit(await beginSignIn(app, sandbox, visitor));
    const { access_token: first } = JSON.parse((await visit('/token')).body) as { access_token: string };
    expect((await visit('/me?expired')).status).toBe(200);
    const { access_token: second } = JSON.parse((await visit('/token')).body) as { access_token: string };
    expect(second).not.toBe(first);
    expect(tokenCalls()).toBe(2);
    expect(proxy.tunnels.slice(before.tunnels)).toEqual(Array(3).fill(`localhost:${front.port}`));
  });

  test('nobody is connected with a token that the proxy has made up in the place of a tunnel', async () => {
    proxy.refuseWith(http11('{"access_token":"of-the-proxy","type":"bearer"}', '201 Created'));
    const answer = await visitor.visit(await beginSignIn(app, sandbox, visitor));
    expect({ status: answer.status, token: (await visit('/token')).body, tokenCalls: tokenCalls() }).toEqual({
      status: 502,
      token: 'null',
      tokenCalls: 0,
    });
  });

  test('no connection ends because the proxy says that the grant is dead', async () => {
    await visitor.visit(await beginSignIn(app, sandbox, visitor));
    proxy.refuseWith(http11('{"error":"invalid_grant"}', '400 Bad Request'));
    expect((await visit('/me?expired')).status).toBe(503);
    expect(JSON.parse((await visit('/token')).body)).toMatchObject({ type: 'bearer' });
    expect(tokenCalls()).toBe(1);
  });
});
