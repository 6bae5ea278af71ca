import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ledgerConformance, type Sandbox } from '../../../src/testing';
import { cleanup } from '../../support/cleanup';
import { findSecrets } from '../../support/find-secret';
import { SQLITE, describeInSqlite } from '../../support/requires';
import { startSandbox } from '../../support/sandbox';
import { REDIRECT_URI, api, exchange, signIn } from '../../support/sandbox-client';
import { install } from './installed';
import { blocks } from './markdown';

const PROCESSES = 4;
const REQUESTS_EACH = 25;
const encryptionKeys = [{ id: '2026-11', secret: 'thirty-two characters or more, for the tests' }];

describeInSqlite('docs/ledgers.md: what it prints runs as printed:', () => {
  let folder: string;
  beforeAll(() => {
    ({ folder } = install([]));
    symlinkSync(SQLITE, join(folder, 'node_modules/better-sqlite3'), 'junction');
    for (const { text } of blocks('docs/ledgers.md', 'js')) {
      const [, name = ''] = /^\/\/ (\S+\.mjs)\n/u.exec(text) ?? [];
      writeFileSync(join(folder, name), text);
    }
  });

  test('the ledger on SQLite passes every case of the conformance kit, under its own name', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--test', '--test-reporter=tap', 'sqlite-ledger.test.mjs'],
      { cwd: folder, env: { PATH: process.env['PATH'] } },
    );
    const passed = [...stdout.matchAll(/^ *ok \d+ - (.+)$/gmu)].map(([, name = '']) => name);
    const cases = ledgerConformance(() => {
      throw new Error('for the names only');
    }).map(({ name }) => name);
    expect(cases.length).toBeGreaterThan(30);
    expect(passed).toEqual(expect.arrayContaining(cases));
    expect(stdout).toMatch(/^# fail 0$/mu);
  });

  describe('several processes on one file', () => {
    let sandbox: Sandbox;
    let file: string;
    beforeAll(async () => {
      sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
      file = join(folder, 'ledger.sqlite');
      copyFileSync(join(__dirname, '../ledger/fixtures/sqlite-process.mjs'), join(folder, 'sqlite-process.mjs'));
    });

    async function startProcess(connectToken: object): Promise<string> {
      const connectOptions = { ...sandbox.connectOptions, redirectUri: REDIRECT_URI };
      const child = fork(join(folder, 'sqlite-process.mjs'), {
        cwd: folder,
        env: {
          PATH: process.env['PATH'],
          SETUP: JSON.stringify({ file, encryptionKeys, connectOptions, connectToken }),
        },
      });
      cleanup(() => child.kill('SIGKILL'));
      const [url] = (await once(child, 'message')) as [string];
      return url;
    }

    test('present a refresh token once, and all requests get one token that works', async () => {
      const { code } = await signIn(sandbox);
      const { body: issued } = await exchange(sandbox, { code });
      const connectToken = { ...issued, expires_at: Math.floor(Date.now() / 1000) - 10 };
      const urls = await Promise.all(Array.from({ length: PROCESSES }, () => startProcess(connectToken)));

      const answers = await Promise.all(
        Array.from({ length: REQUESTS_EACH }, () => urls)
          .flat()
          .map(async (url) => (await (await fetch(`${url}/token`)).json()) as { readonly access_token: string }),
      );

      expect(sandbox.presentations(String(issued['refresh_token']))).toBe(1);
      expect(sandbox.calls.refresh).toBe(1);
      expect(answers).toHaveLength(PROCESSES * REQUESTS_EACH);
      const [accessToken = '', ...others] = new Set(answers.map((answer) => answer.access_token));
      expect(others).toEqual([]);
      expect((await api(sandbox, '/me', accessToken)).status).toBe(200);
      expect(accessToken).not.toBe(issued['access_token']);

      const secrets = [{ name: 'access token', value: accessToken }];
      expect(findSecrets(accessToken, secrets)).not.toEqual([]);
      const dump = ['', '-wal'].map((end) => readFileSync(`${file}${end}`, 'latin1')).join('\n');
      expect(dump).toContain('"v1.2026-11.');
      expect(findSecrets(dump, secrets)).toEqual([]);
    });
  });
});
