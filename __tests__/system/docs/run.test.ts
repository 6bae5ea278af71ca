import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import ts from 'typescript';
import type { Sandbox } from '../../../src/testing';
import { browser } from '../../support/app';
import { startRedisCluster } from '../../support/redis-cluster';
import { freePort, unlessTaken } from '../../support/ports';
import { startRedis, type RedisServer } from '../../support/redis-server';
import { startSentinel } from '../../support/redis-sentinel';
import { describeInRedis } from '../../support/requires';
import { startSandbox } from '../../support/sandbox';
import { answering, install, type Installed, type Program } from './installed';
import { blocks } from './markdown';

/** The example of one of these documents that begins with this comment. */
function example(name: string): string {
  const printed = ['docs/scaling.md', 'docs/redis.md'].flatMap((document) => blocks(document, 'js'));
  const found = printed.find(({ text }) => text.startsWith(`// ${name}\n`));
  if (found === undefined) throw new Error(`no document prints ${name}`);
  return found.text;
}

describe('docs/testing.md: the test of a ledger runs as printed:', () => {
  const code = blocks('docs/testing.md', 'js').find(({ text }) => text.includes('ledgerConformance'))?.text ?? '';
  // What Jest gives to every test file, and its `require`, which leads to this package's source.
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  new Function('require', 'test', code)(require, test);
});

test('docs/testing.md: the test for node:test runs as printed, once it is JavaScript', async () => {
  const printed =
    blocks('docs/testing.md', 'ts').find(({ text }) => text.startsWith('// connect.test.ts\n'))?.text ?? '';
  const installed = install([]);
  const { outputText } = ts.transpileModule(printed, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  writeFileSync(join(installed.folder, 'connect.test.mjs'), outputText);
  const { child, said } = installed.run('connect.test.mjs', {}, ['--test']);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  expect({ exitCode, said: said() }).toEqual({ exitCode: 0, said: expect.stringMatching(/pass 1\b/u) as string });
});

/** Asks again and again over one kept connection, as a proxy in front does, until nobody answers. */
interface Busy {
  /** Whether there was an answer at all. */
  readonly begun: Promise<boolean>;
  readonly ended: Promise<void>;
}

function keepBusy(url: string, cookie: string): Busy {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const answered = (): Promise<boolean> =>
    new Promise((resolve) => {
      http
        .get(url, { agent, headers: { cookie } }, (answer) =>
          answer.resume().once('close', () => {
            resolve(answer.complete);
          }),
        )
        .once('error', () => {
          resolve(false);
        });
    });
  async function goOn(isAnswered: boolean): Promise<void> {
    for (let again = isAnswered; again;) again = await answered();
    agent.destroy();
  }
  const begun = answered();
  return { begun, ended: begun.then(goOn) };
}

/** Asks each part of what a module makes, and ends. */
const check = (module: string): string => `
import { close, ledger, store } from './${module}';
const call = (name, ...args) => new Promise((resolve, reject) => store[name](...args, (error, value) => (error ? reject(error) : resolve(value))));
const session = { cookie: { originalMaxAge: null }, name: 'kept' };
await call('set', 'id', session);
await call('touch', 'id', session);
const kept = (await call('get', 'id')).name;
await call('destroy', 'id');
const claim = { generation: 0, claimant: 'me', leaseMs: 1000, minAgeMs: 0, retentionMs: 60000 };
const won = await ledger.acquire('key', claim);
const settled = await ledger.settle('key', { generation: 0, fence: won.fence, box: 'box', retentionMs: 60000 });
const adopted = await ledger.acquire('key', claim);
console.log(JSON.stringify([kept, await call('get', 'id') ?? null, won.kind, settled.kind, adopted.box]));
await close();
`;

describeInRedis('docs/scaling.md and docs/redis.md: what they print runs as printed:', () => {
  let redis: RedisServer;
  let sandbox: Sandbox;
  let installed: Installed;

  beforeAll(async () => {
    [redis, sandbox] = await Promise.all([startRedis(), startSandbox()]);
    installed = install(['redis', '@redis', 'connect-redis', 'ioredis']);
    for (const name of ['server.mjs', 'ioredis.mjs', 'cluster.mjs'])
      writeFileSync(join(installed.folder, name), example(name));
    for (const name of ['ioredis.mjs', 'cluster.mjs'])
      writeFileSync(join(installed.folder, `check-${name}`), check(name));
  });

  async function startTwo(): Promise<{ readonly urls: readonly string[]; readonly programs: readonly Program[] }> {
    const ports = [await freePort(), await freePort()] as const;
    const { clientId, clientSecret, authorizeUrl, tokenUrl, apiBaseUrl } = sandbox.connectOptions;
    const programs = ports.map((port) =>
      installed.run('server.mjs', {
        PORT: String(port),
        REDIS_URL: redis.url,
        SESSION_SECRET: 'any',
        LEDGER_KEY: 'a secret of thirty-two characters or more',
        CONNECT_CLIENT_ID: clientId,
        CONNECT_CLIENT_SECRET: clientSecret,
        CONNECT_AUTHORIZE_URL: authorizeUrl,
        CONNECT_TOKEN_URL: tokenUrl,
        CONNECT_API_BASE_URL: apiBaseUrl,
        CONNECT_REDIRECT_URI: `http://localhost:${ports[0]}/connect/callback`,
      }),
    );
    const urls = ports.map((port) => `http://localhost:${port}`);
    await Promise.all(programs.map((program, index) => answering(`${urls[index]}/`, program)));
    return { urls, programs };
  }

  test('two processes share sessions and ledger, and each ends on SIGTERM and SIGINT, however busy its connections are kept', async () => {
    const { urls, programs } = await unlessTaken(startTwo);
    const visitor = browser();
    const { location } = await visitor.visit(`${urls[0]}/connect/authorize`);
    const landed = await visitor.visit(await sandbox.allow(location));
    expect([landed.status, landed.location]).toEqual([302, '/']);
    const answers = await Promise.all(urls.map((url) => visitor.visit(`${url}/`)));
    expect(answers.map(({ status, body }) => [status, body])).toEqual(
      programs.map(({ child }) => [200, `Connected, answered by ${child.pid}`]),
    );
    for (const [index, { child, said }] of programs.entries()) {
      // Several, so that some are in the middle of a request when the signal comes.
      const cookie = `connect.sid=${visitor.cookies.get('connect.sid') ?? ''}`;
      const busy = Array.from({ length: 8 }, () => keepBusy(`${urls[index]}/`, cookie));
      const begun = await Promise.all(busy.map((one) => one.begun));
      // Twice, as from npm and a supervisor.
      for (const signal of index === 0 ? (['SIGTERM', 'SIGINT'] as const) : (['SIGINT', 'SIGTERM'] as const))
        child.kill(signal);
      const [code] = (await once(child, 'exit')) as [number | null];
      await Promise.all(busy.map((one) => one.ended));
      expect({ code, printed: said(), wasBusy: begun.every(Boolean) }).toEqual({
        code: 0,
        printed: '',
        wasBusy: true,
      });
    }
  });

  test('with ioredis, session store and ledger answer', async () => {
    const { child, said } = installed.run('check-ioredis.mjs', {
      REDIS_URL: redis.url,
      LEDGER_KEY: 'a secret of thirty-two characters or more',
    });
    await once(child, 'exit');
    expect(said()).toBe('["kept",null,"won","settled","box"]\n');
  });

  test('with Sentinel, the ledger answers by way of the primary that it names', async () => {
    writeFileSync(join(installed.folder, 'sentinel.mjs'), example('sentinel.mjs'));
    writeFileSync(
      join(installed.folder, 'check-sentinel.mjs'),
      `
import { redisLedger } from 'express-connect-auth/redis';
import { redis } from './sentinel.mjs';
const { LEDGER_KEY: secret } = process.env;
const sendCommand = (command, ...args) => redis.call(command, ...args);
const ledger = redisLedger({ sendCommand, encryptionKeys: [{ id: '2026-11', secret }] });
const { kind } = await ledger.acquire('by sentinel', { generation: 0, claimant: 'me', leaseMs: 1000, minAgeMs: 0, retentionMs: 60000 });
console.log(kind, redis.options.sentinels.length, redis.stream.remotePort);
await redis.quit();
`,
    );
    const { child, said } = installed.run('check-sentinel.mjs', {
      REDIS_SENTINELS: await startSentinel(redis.port),
      LEDGER_KEY: 'a secret of thirty-two characters or more',
    });
    await once(child, 'exit');
    expect(said()).toBe(`won 1 ${redis.port}\n`);
  });

  test('with a cluster, session store and ledger answer', async () => {
    const cluster = await startRedisCluster();
    const { child, said } = installed.run('check-cluster.mjs', {
      REDIS_URLS: cluster.nodes.map(({ url }) => url).join(' '),
      LEDGER_KEY: 'a secret of thirty-two characters or more',
    });
    await once(child, 'exit');
    expect(said()).toBe('["kept",null,"won","settled","box"]\n');
  });
});
