import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  ConnectError,
  connectAuth,
  memoryConnections,
  memoryLedger,
  type ConnectAuth,
  type ConnectErrorCode,
  type ConnectionStore,
} from '../../../src';
import { connectionStoreConformance, type Sandbox } from '../../../src/testing';
import { browser, type Browser } from '../../support/app';
import { freePort, unlessTaken } from '../../support/ports';
import { startRedis, type RedisServer } from '../../support/redis-server';
import { SQLITE, describeInRedis, describeInSqlite } from '../../support/requires';
import { startSandbox } from '../../support/sandbox';
import { exchange, signIn } from '../../support/sandbox-client';
import { answering, install, type Installed } from './installed';
import { blocks, table, unquoted } from './markdown';
import { END_REASONS, ERROR_CODES } from './names';

/** Writes every example that begins with the name of its file. */
function print(folder: string): void {
  for (const { text } of blocks('docs/jobs.md', 'js')) {
    const [, name = ''] = /^\/\/ ([\w.-]+\.mjs)\b/u.exec(text) ?? [];
    writeFileSync(join(folder, name), text);
  }
}

describe('the tables of docs/jobs.md', () => {
  const rows = table('docs/jobs.md', 'code').map(([cell = '']) =>
    [...cell.matchAll(/`(\w+)`/gu)].map(([, code]) => new ConnectError(code as ConnectErrorCode)),
  );

  test('say of every code that a job can get what to do; that it may try again is what the code says', () => {
    expect(rows.map((errors) => [...new Set(errors.map(({ retryable }) => retryable))])).toEqual([
      [false],
      [true],
      [false],
      [false],
    ]);
    const ofVisitors = [
      'NO_SESSION',
      'COOKIE',
      'METHOD',
      'PREFETCH',
      'ORIGIN',
      'CALLBACK',
      'STATE',
      'DENIED',
      'GRANT',
    ].map((word) => `ERR_CONNECT_${word}`);
    expect([...rows.flat().map(({ code }) => code), ...ofVisitors].sort()).toEqual([...ERROR_CODES].sort());
  });

  test('the first row is what a new sign-in cures', () => {
    expect(rows[0]?.map(({ status }) => status)).toEqual([401, 401]);
  });

  test('list every reason for which a connection ends', () => {
    expect(table('docs/jobs.md', '`reason` of `ended`').map(([cell]) => unquoted(cell))).toEqual(END_REASONS);
  });
});

describe('what docs/jobs.md says of records', () => {
  /** A process; without its keys a store takes those of `connectAuth()`. */
  type Start = (differs?: { readonly sessionKey?: string; readonly keys?: readonly string[] }) => ConnectAuth;
  let start: Start;
  let connections: ConnectionStore;
  beforeEach(async () => {
    const { connectOptions } = await startSandbox();
    const { load, save, remove } = memoryConnections();
    connections = { load, save, remove };
    start = ({ sessionKey, keys = ['old'] } = {}) =>
      connectAuth({
        ...connectOptions,
        redirectUri: 'http://localhost:3000/connect/callback',
        connections,
        ledger: memoryLedger(),
        encryptionKeys: keys.map((id) => ({ id, secret: `${id}: thirty-two characters or more, for the tests` })),
        sessionKey,
      });
    await start().of('ann').import({ access_token: 'any' });
  });

  test('a disconnect of the old id ends the connection that was handed over', async () => {
    const connect = start();
    await connect.of('anna').import(await connect.of('ann').getToken());
    await connect.of('ann').disconnect();
    await expect(connect.of('anna').getToken()).rejects.toMatchObject({
      code: 'ERR_CONNECT_EXPIRED',
      reason: 'revoked',
    });
  });

  test('one that was copied to another id does not open', async () => {
    await connections.save('anna', (await connections.load('ann'))?.record ?? '', undefined);
    await expect(start().of('anna').status()).rejects.toMatchObject({ code: 'ERR_CONNECT_CONFIG', reason: 'key' });
  });

  test.each([
    ['namespace', { sessionKey: 'billing' }],
    ['key', { keys: ['other'] }],
  ] as const)('a process that differs gets ERR_CONNECT_CONFIG with %s', async (reason, differs) => {
    const account = start(differs).of('ann');
    await expect(account.status()).rejects.toMatchObject({ code: 'ERR_CONNECT_CONFIG', reason });
    await expect(account.getToken()).rejects.toMatchObject({ code: 'ERR_CONNECT_CONFIG', reason });
  });

  test('once it was loaded where there is a new key in front, the old one can go', async () => {
    await start({ keys: ['new', 'old'] })
      .of('ann')
      .getToken();
    await expect(
      start({ keys: ['new'] })
        .of('ann')
        .getToken(),
    ).resolves.toMatchObject({ access_token: 'any' });
  });
});

/** What an app has of its own. */
const YOURS = `
export const tellUser = (owner, reason) => console.log('tell', owner, reason);
export function login(req, res, next) {
  if (req.path !== '/login') return next();
  req.session.userId = req.query.as;
  res.send('hello');
}
export const userOfHook = async (req) => req.body.userId;
export const userIds = async () => process.env.USER_IDS.split(' ');
export const savedTokens = async () => JSON.parse(process.env.SAVED).map((row) => ({ ...row, expiresAt: new Date(row.expiresAt) }));
`;

/** Works off the users of JOBS, and says what becomes of each; BullMQ does so with what is in Redis. */
const BULLMQ = `
export class DelayedError extends Error {}
export class UnrecoverableError extends Error {}
export class Worker {
  constructor(queue, run) { this.work = this.begin(queue, run); }
  async begin(queue, run) {
    for (const userId of process.env.JOBS.split(' ')) {
      const moveToDelayed = async (atMs, lock) => console.log('moved by seconds', Math.round((atMs - Date.now()) / 1000), lock);
      const running = run({ data: { userId }, moveToDelayed }, 'lock');
      const outcome = await running.then(({ data }) => data.name, (error) => error.constructor.name);
      console.log(queue, userId, outcome);
    }
  }
  close() { return this.work; }
}
`;

describeInRedis('docs/jobs.md: what it prints runs as printed:', () => {
  let redis: RedisServer;
  let sandbox: Sandbox;
  let installed: Installed;
  let env: Readonly<Record<string, string>>;
  let url: string;

  beforeAll(async () => {
    [redis, sandbox] = await Promise.all([startRedis(), startSandbox()]);
    installed = install(['redis', '@redis', 'connect-redis']);
    print(installed.folder);
    writeFileSync(join(installed.folder, 'yours.mjs'), YOURS);
    const bullmq = join(installed.folder, 'node_modules/bullmq');
    mkdirSync(bullmq);
    writeFileSync(join(bullmq, 'index.mjs'), BULLMQ);
    writeFileSync(join(bullmq, 'package.json'), '{"exports":"./index.mjs"}');
    await unlessTaken(startServer);
  });

  async function startServer(): Promise<void> {
    const port = await freePort();
    url = `http://localhost:${port}`;
    const { clientId, clientSecret, authorizeUrl, tokenUrl, apiBaseUrl } = sandbox.connectOptions;
    env = {
      PORT: String(port),
      REDIS_URL: redis.url,
      SESSION_SECRET: 'any',
      CONNECT_ENCRYPTION_KEYS: 'test:thirty-two-characters-or-more-for-the-tests',
      CONNECT_CLIENT_ID: clientId,
      CONNECT_CLIENT_SECRET: clientSecret,
      CONNECT_AUTHORIZE_URL: authorizeUrl,
      CONNECT_TOKEN_URL: tokenUrl,
      CONNECT_API_BASE_URL: apiBaseUrl,
      CONNECT_REDIRECT_URI: `${url}/connect/callback`,
    };
    await answering(`${url}/account`, installed.run('server.mjs', env));
  }

  /** Runs a program to its end. @returns its exit code and what it has said */
  async function run(program: string, more: Readonly<Record<string, string>> = {}): Promise<readonly [number, string]> {
    const { child, said } = installed.run(program, { ...env, ...more });
    const [code] = (await once(child, 'close')) as [number];
    return [code, said()];
  }

  /** Runs a program with an argument, in place of the shell. */
  function written(name: string, text: string): string {
    writeFileSync(join(installed.folder, name), text);
    return name;
  }

  async function loggedIn(user: string): Promise<Browser> {
    const visitor = browser();
    await visitor.visit(`${url}/login?as=${user}`);
    return visitor;
  }

  async function connected(user: string): Promise<Browser> {
    const visitor = await loggedIn(user);
    const { location } = await visitor.visit(`${url}/connect/authorize?returnTo=/account`);
    expect((await visitor.visit(await sandbox.allow(location))).location).toBe('/account');
    return visitor;
  }

  const saysOfAccount = async (visitor: Browser): Promise<string> => (await visitor.visit(`${url}/account`)).body;

  test('a user who connects on one device is connected on another, and disconnects everywhere', async () => {
    const [phone, laptop] = [await connected('ann'), await loggedIn('ann')];
    expect(await saysOfAccount(laptop)).toContain('Connected since');
    expect((await laptop.visit(`${url}/me`)).body).toContain('Sandbox User');
    const form = { 'sec-fetch-site': 'same-origin', accept: 'text/html' };
    expect((await phone.visit(`${url}/connect/disconnect`, form, 'POST')).status).toBe(303);
    expect(await saysOfAccount(laptop)).toMatch(/^Your connection ended on .* <a href="\/connect\/authorize/u);
    expect((await browser().visit(`${url}/account`)).location).toBe('/login');
  });

  test('a worker acts for who is connected, gives up on who is not, and delays what passes by itself', async () => {
    await connected('bob');
    sandbox.force(429, { on: 'api', retryAfter: '30' });
    const { child, said } = installed.run('worker.mjs', { ...env, JOBS: 'bob bob nobody' });
    while (!said().includes('nobody')) await once(child.stdout ?? child, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(said().split('\n')).toEqual([
      'moved by seconds 30 lock',
      'reports bob DelayedError',
      'reports bob Sandbox User',
      'reports nobody UnrecoverableError',
      '',
    ]);
  });

  test('a webhook is answered for who is connected, and for who is not; its sender comes again for the rest', async () => {
    await connected('cleo');
    const hook = async (userId: string): Promise<number> => {
      const headers = { 'Content-Type': 'application/json' };
      const body = JSON.stringify({ userId });
      return (await fetch(`${url}/hooks/orders`, { method: 'POST', headers, body })).status;
    };
    expect([await hook('cleo'), await hook('nobody')]).toEqual([204, 204]);
    sandbox.force(503, { on: 'api' });
    expect(await hook('cleo')).toBeGreaterThanOrEqual(500);
  });

  test('the nightly script refreshes what is due, leaves out who is not connected, says what has failed, and ends', async () => {
    await Promise.all([connected('dora'), connected('emil')]);
    const before = sandbox.calls.refresh;
    expect(await run('nightly-script.mjs', { USER_IDS: 'nobody dora emil' })).toEqual([0, '']);
    expect(sandbox.calls.refresh).toBe(before);
    const NODE_OPTIONS = `--import=./${written('ahead.mjs', 'const { now } = Date; Date.now = () => now() + 7_200_000;')}`;
    expect(await run('nightly-script.mjs', { USER_IDS: 'nobody dora emil', NODE_OPTIONS })).toEqual([0, '']);
    expect(sandbox.calls.refresh).toBe(before + 2);
    const [code, said] = await run('nightly-script.mjs', {
      USER_IDS: 'dora',
      CONNECT_ENCRYPTION_KEYS: 'other:thirty-two-characters-or-more-for-others',
    });
    expect([code, said]).toEqual([0, expect.stringMatching(/^nightly: dora: No key of encryptionKeys opens/u)]);
  });

  test('tokens are imported once, moved to another id, and forgotten', async () => {
    const { body } = await exchange(sandbox, { code: (await signIn(sandbox)).code });
    const { access_token: accessToken, refresh_token: refreshToken } = body as Readonly<Record<string, string>>;
    const expiresAt = Date.now() + 3_600_000;
    const SAVED = JSON.stringify([
      { id: 'fay', accessToken, refreshToken, expiresAt },
      { id: 'gus', accessToken: 'of long ago', refreshToken: null, expiresAt },
    ]);
    expect(await run('import.mjs', { SAVED })).toEqual([1, expect.stringContaining('fay imported\n')]);
    const rest = SAVED.replace('of long ago', 'of-long-ago');
    expect(await run('import.mjs', { SAVED: rest })).toEqual([0, 'fay left as it is\ngus imported\n']);
    const rename = written(
      'rename-fay.mjs',
      `import { close } from './connect.mjs';\nimport { rename } from './rename.mjs';\nawait rename('fay', 'faye').finally(close);`,
    );
    expect(await run(rename)).toEqual([0, '']);
    expect(await saysOfAccount(await loggedIn('fay'))).toMatch(/^<a href/u);
    const faye = await loggedIn('faye');
    expect((await faye.visit(`${url}/me`)).body).toContain('Sandbox User');
    const keys = async (): Promise<unknown> => redis.command('KEYS', '*owner:fay*');
    expect(await keys()).toEqual(['connect-auth:owner:faye']);
    const forget = written('forget-faye.mjs', `process.argv[2] = 'faye';\nawait import('./forget.mjs');`);
    expect(await run(forget)).toEqual([0, 'tell faye disconnected\n']);
    expect(await keys()).toEqual([]);
  });
});

describeInSqlite('docs/jobs.md: the store on SQLite', () => {
  test('passes every case of the conformance kit, under its own name', async () => {
    const { folder } = install([]);
    print(folder);
    symlinkSync(SQLITE, join(folder, 'node_modules/better-sqlite3'), 'junction');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--test', '--test-reporter=tap', 'sqlite-connections.test.mjs'],
      { cwd: folder, env: { PATH: process.env['PATH'] } },
    );
    const passed = [...stdout.matchAll(/^ *ok \d+ - (.+)$/gmu)].map(([, name = '']) => name);
    const cases = connectionStoreConformance(() => {
      throw new Error('for the names only');
    }).map(({ name }) => name);
    expect(cases.length).toBeGreaterThan(5);
    expect(passed).toEqual(expect.arrayContaining(cases));
    expect(stdout).toMatch(/^# fail 0$/mu);
  });
});
