import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOptions } from '../../../src/options/read';
import { OPTIONS as ROWS } from '../../../src/options/table';
import type { Sandbox } from '../../../src/testing';
import { answering, install, type Installed } from './installed';
import { blocks, read, root, table, unquoted } from './markdown';
import { OPTIONS } from './names';
import { browser } from '../../support/app';
import { freePort, unlessTaken } from '../../support/ports';
import { startSandbox } from '../../support/sandbox';

const firstExample = blocks('README.md', 'js')[0]?.text ?? '';

test('README can be read in a few minutes: it has at most 1,400 words, as `wc -w` counts them', () => {
  expect(
    read('README.md')
      .split(/\s+/u)
      .filter((word) => word !== '').length,
  ).toBeLessThanOrEqual(1400);
});

describe('the first example of README', () => {
  let installed: Installed;
  let sandbox: Sandbox;

  beforeAll(async () => {
    installed = install([]);
    sandbox = await startSandbox();
  });

  async function startPrinted(): Promise<string> {
    const port = await freePort();
    const url = `http://localhost:${port}`;
    writeFileSync(join(installed.folder, 'app.mjs'), firstExample);
    const program = installed.run('app.mjs', {
      PORT: String(port),
      SESSION_SECRET: 'any',
      CONNECT_CLIENT_ID: sandbox.connectOptions.clientId,
      CONNECT_CLIENT_SECRET: sandbox.connectOptions.clientSecret,
      CONNECT_REDIRECT_URI: `${url}/connect/callback`,
      CONNECT_AUTHORIZE_URL: sandbox.connectOptions.authorizeUrl,
      CONNECT_TOKEN_URL: sandbox.connectOptions.tokenUrl,
    });
    await answering(url, program);
    return url;
  }

  test('has at most 16 lines and runs as printed: a visitor connects and sees the token type', async () => {
    expect(firstExample.trimEnd().split('\n').length).toBeLessThanOrEqual(16);
    const url = await unlessTaken(startPrinted);
    const visitor = browser();
    const first = await visitor.visit(`${url}/`);
    const link = /href="([^"]+)"/u.exec(first.body)?.[1] ?? '';
    expect([first.status, link]).toEqual([200, '/connect/authorize']);
    const started = await visitor.visit(url + link);
    const landed = await visitor.visit(await sandbox.allow(started.location));
    expect([landed.status, landed.location]).toEqual([302, '/']);
    expect((await visitor.visit(url + landed.location)).body).toBe('Connected (bearer)');
    expect(sandbox.calls.token).toBe(1);
  });
});

test('the first screen names exactly two set-up commands, and each script in them exists', () => {
  const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts;
  expect(blocks('README.md', 'sh')[0]?.text).toBe('npm ci && npm run demo\nnpm ci && npm test\n');
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['demo', 'test']));
});

describe('the tables of README', () => {
  test('list every option of the code, and no other', () => {
    expect(OPTIONS.length).toBeGreaterThan(30);
    expect(
      table('README.md', 'option')
        .map(([name]) => unquoted(name))
        .sort(),
    ).toEqual([...OPTIONS].sort());
  });

  const config = readOptions({
    clientId: 'id',
    clientSecret: 'secret',
    redirectUri: 'https://app.example/connect/callback',
  }) as unknown as Readonly<Record<string, unknown>>;

  test.each(table('README.md', 'option').map(([name, value]) => [unquoted(name), value]))(
    'give %s the default that the code gives it: %s',
    (name, value) => expect(value).toBe(printedDefault(name)),
  );

  /** connectAuth() makes ledger and connections itself; what is required has no default. */
  function printedDefault(name: string): string {
    const value = config[name];
    if (name === 'ledger' && value === undefined) return '`memoryLedger()`';
    if (name === 'connections' && value === undefined) return '`memoryConnections()`';
    if (['clientId', 'clientSecret', 'redirectUri'].includes(name)) return 'required';
    if (typeof value === 'string') return value.startsWith('https:') ? "the provider's" : `\`'${value}'\``;
    return typeof value === 'number' || typeof value === 'boolean' ? `\`${value}\`` : '–';
  }

  const bounded = table('README.md', 'option').flatMap(([name, , meaning = '']) => {
    const [range, least, most] = /(\d+)–(\d+)/u.exec(meaning) ?? [];
    return range === undefined ? [] : [{ name: unquoted(name) as keyof typeof ROWS, range, least, most }];
  });

  test('give bounds for six options and more', () => expect(bounded.length).toBeGreaterThan(5));

  test.each(bounded)(
    '$name is $range, no less and no more, and its message says so',
    ({ name, range, least, most }) => {
      const isUsable = (value: number): boolean => ROWS[name].read(value) !== undefined;
      const values = [Number(least) - 1, Number(least), Number(most), Number(most) + 1];
      expect(values.map(isUsable)).toEqual([false, true, true, false]);
      expect(ROWS[name].expected).toContain(range);
    },
  );
});

test('SECURITY, CHANGELOG and the package agree on the version', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(/^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$/mu.exec(read('CHANGELOG.md'))?.[1]).toBe(version);
  expect(table('SECURITY.md', 'version').find(([series]) => series === version.replace(/\d+$/u, 'x'))?.[1]).toBe('yes');
});

test('CONTRIBUTING names only source files that exist', () => {
  const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  const named = [...text.matchAll(/`((?:[a-z-]+\/)?[a-z-]+\.ts)`/gu)].map(([, path = '']) => path);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((path) => !existsSync(join(root, 'src', path)))).toEqual([]);
});
