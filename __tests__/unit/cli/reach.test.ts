import net from 'node:net';
import tls from 'node:tls';
import { connectTo, lookUp } from '../../../src/cli/doctor/reach';
import { judgeConnection, judgeName, judgeProxy } from '../../../src/cli/doctor/network-findings';
import { cleanup } from '../../support/cleanup';
import { startServer } from '../../support/local-server';

/** The way to a host: what a network of the tests' own cannot show is told by the code that it would give. */

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

const target = { url: 'https://provider.example/token', variable: 'CONNECT_TOKEN_URL' };
const plain = { url: 'http://localhost:8080/token', variable: 'CONNECT_TOKEN_URL' };

test('a name server that does not answer in time is a timeout', async () => {
  jest.useFakeTimers();
  const result = lookUp('localhost', 1000);
  jest.advanceTimersByTime(1000);
  expect(await result).toEqual({ kind: 'failed', code: 'TIMEOUT' });
});

test('a server that leaves the handshake unanswered is a timeout, and the connection is closed', async () => {
  const server = net.createServer((socket) => socket.on('error', () => undefined));
  cleanup(() => server.close());
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  const accepted = new Promise<net.Socket>((resolve) => {
    server.once('connection', resolve);
  });
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
  const result = connectTo(`https://127.0.0.1:${(server.address() as net.AddressInfo).port}/token`, 1000);
  const closed = new Promise((resolve) => {
    void accepted.then((socket) => socket.resume().once('close', resolve));
  });
  await accepted;
  jest.advanceTimersByTime(1000);
  expect(await result).toEqual({ kind: 'failed', code: 'TIMEOUT' });
  await closed;
});

test('without a port in the URL it is 443, over http 80', async () => {
  const server = await startServer(() => undefined);
  const asked: unknown[] = [];
  const connect = net.createConnection;
  const toServer = (options: unknown): net.Socket => {
    asked.push(options);
    return connect(server.port, '127.0.0.1');
  };
  jest.spyOn(net, 'connect').mockImplementation(toServer);
  jest.spyOn(tls, 'connect').mockImplementation((options: unknown) => new tls.TLSSocket(toServer(options)).destroy());
  expect(await connectTo('http://provider.example/token', 5000)).toEqual({ kind: 'connected' });
  expect(await connectTo('https://provider.example/token', 5000)).toEqual({ kind: 'failed', code: 'ECONNRESET' });
  expect(asked).toEqual([
    { host: 'provider.example', port: 80 },
    { host: 'provider.example', port: 443, servername: 'provider.example', rejectUnauthorized: true },
  ]);
});

test.each([
  [{ kind: 'found', addresses: 1 }, 'ok', 'provider.example has an address'],
  [{ kind: 'found', addresses: 2 }, 'ok', 'provider.example has 2 addresses'],
  [{ kind: 'failed', code: 'ENOTFOUND' }, 'fail', 'there is no host provider.example'],
  [{ kind: 'failed', code: 'EAI_AGAIN' }, 'fail', 'the name server gave no answer for provider.example (EAI_AGAIN)'],
  [{ kind: 'failed', code: 'TIMEOUT' }, 'fail', 'the name server gave no answer for provider.example (TIMEOUT)'],
] as const)('a look-up with the outcome %j: %s', (result, verdict, text) => {
  expect(judgeName(target, result)).toMatchObject({ check: 'dns', subject: 'DNS', verdict, text });
});

test.each(['TIMEOUT', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'])(
  '%s is told as a firewall or proxy on the way',
  (code) => {
    expect(judgeConnection(target, { kind: 'failed', code }, 0)).toEqual({
      check: 'connection',
      subject: 'connection',
      verdict: 'fail',
      text: 'provider.example cannot be reached',
      cure: 'Look for a firewall on the way. Behind a proxy, sign-in needs the option agent, which doctor does not know of.',
    });
  },
);

describe('a proxy in the environment', () => {
  const cutOff = judgeConnection(target, { kind: 'failed', code: 'ETIMEDOUT' }, 0);
  const nameless = judgeName(target, { kind: 'failed', code: 'ENOTFOUND' });
  if (nameless === undefined) throw new Error('no finding');

  test.each(['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'])(
    '%s is named where the provider cannot be reached, without its value',
    (name) => {
      for (const finding of [cutOff, nameless]) {
        expect(judgeProxy({ [name]: 'http://user:CANARY@proxy.example' }, target.url, [finding])).toEqual({
          check: 'connection',
          subject: 'proxy',
          verdict: 'warn',
          text: `${name} is set, and sign-in goes by a proxy only with the option agent`,
          cure: 'If there is no other way out, give connectAuth() an agent for that proxy. Doctor cannot look through one.',
        });
      }
    },
  );

  test('is not mentioned where it is empty, or where nothing but the certificate is wrong', () => {
    const untrusted = judgeConnection(target, { kind: 'failed', code: 'CERT_HAS_EXPIRED' }, 0);
    const reached = judgeConnection(plain, { kind: 'connected' }, 0);
    expect(judgeProxy({ HTTPS_PROXY: '' }, target.url, [cutOff])).toBeUndefined();
    expect(judgeProxy({ HTTPS_PROXY: 'http://proxy.example' }, target.url, [untrusted, reached])).toBeUndefined();
    expect(judgeProxy({ HTTPS_PROXY: 'http://proxy.example' }, plain.url, [cutOff])).toBeUndefined();
  });

  test.each([
    ['*', false],
    ['provider.example', false],
    ['localhost, .example', false],
    ['*.example', false],
    ['provider.example:443', false],
    ['', true],
    ['example.org', true],
    ['ovider.example', true],
  ])('with NO_PROXY %j is mentioned: %s', (hosts, mentioned) => {
    for (const name of ['NO_PROXY', 'no_proxy']) {
      expect(
        judgeProxy({ HTTPS_PROXY: 'http://proxy.example', [name]: hosts }, target.url, [cutOff]) !== undefined,
      ).toBe(mentioned);
    }
  });
});

test('whoever breaks off is told by its code, over http without a word about TLS', () => {
  const reset = { kind: 'failed', code: 'ECONNRESET' } as const;
  expect(judgeConnection(plain, reset, 0)).toMatchObject({
    text: 'localhost:8080 breaks off the connection (ECONNRESET)',
    cure: 'Check the port in CONNECT_TOKEN_URL.',
  });
  expect(judgeConnection(target, reset, 0)).toMatchObject({
    text: 'provider.example breaks off the TLS handshake (ECONNRESET)',
  });
});

test.each([
  [13, 'warn', 'expires in 13 days'],
  [1, 'warn', 'expires in a day'],
  [14, 'ok', 'valid for 14 days'],
])('a certificate that ends in %d days: %s', (days, verdict, words) => {
  const finding = judgeConnection(
    target,
    { kind: 'verified', protocol: 'TLSv1.3', validToMs: 1e12 + days * 86_400_000 },
    1e12,
  );
  expect(finding).toMatchObject({ check: 'tls', verdict });
  expect(finding.text).toContain(words);
});
