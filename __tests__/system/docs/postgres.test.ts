import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Pool } from 'pg';
import { connectAuth, type ConnectAuth, type ConnectToken } from '../../../src';
import { POSTGRES_TABLE } from '../../../src/ledger/postgres/options';
import { postgresConnections, postgresLedger } from '../../../src/postgres';
import type { Sandbox } from '../../../src/testing';
import { browser, type Browser } from '../../support/app';
import { cleanup } from '../../support/cleanup';
import { startPgBouncer } from '../../support/pgbouncer';
import { freePort, unlessTaken } from '../../support/ports';
import { startPostgres, type PostgresServer } from '../../support/postgres';
import { describeInPgBouncer, describeInPostgres } from '../../support/requires';
import { startSandbox } from '../../support/sandbox';
import { exchange, signIn } from '../../support/sandbox-client';
import { startTcpProxy } from '../../support/tcp-proxy';
import { poolOf, TABLES } from '../postgres/clients';
import { answering, install, type Installed } from './installed';
import { blocks, namesIn, read, table, unquoted } from './markdown';

const DOCUMENT = 'docs/postgres.md';
const encryptionKeys = [{ id: 'one', secret: 'the secret of the tests, 40 letters of it' }];
/** On a machine busy with other work PostgreSQL is not away. */
const queryTimeoutMs = 5000;
const claim = { generation: 0, claimant: 'a', leaseMs: 10_000, minAgeMs: 0, retentionMs: 60_000 };

/** The statement of the document that begins so. */
function sql(beginning: string): string {
  const found = blocks(DOCUMENT, 'sql').find(({ text }) => text.startsWith(beginning));
  if (found === undefined) throw new Error(`${DOCUMENT} has no ${beginning}`);
  return found.text;
}

/** Writes every program that begins with the name of its file. @returns these names */
function print(folder: string): readonly string[] {
  return blocks(DOCUMENT, 'js').flatMap(({ text }) => {
    const name = /^\/\/ ([\w./-]+\.mjs)\n/u.exec(text)?.[1];
    if (name === undefined) return [];
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
    return [name];
  });
}

test('docs/postgres.md lists every option with its default', () => {
  const names = namesIn(
    'ledger/postgres/options.ts',
    /interface PostgresLedgerOptions \{(.*?)\n\}/su,
    /^ {2}readonly (\w+)\??:/gmu,
  );
  const printed = (value: string | number): string => (typeof value === 'string' ? `\`'${value}'\`` : `\`${value}\``);
  expect(table(DOCUMENT, 'option of `postgresLedger`').map(([name, value]) => [unquoted(name), value])).toEqual(
    names.map((name) => {
      const row = POSTGRES_TABLE[name as keyof typeof POSTGRES_TABLE];
      return [name, 'default' in row ? printed(row.default) : 'required'];
    }),
  );
});

test('it explains every SQLSTATE that a message names, in the words of that message', () => {
  const source = read('src/ledger/postgres/statements.ts');
  const states = [...source.matchAll(/^ {2}\['(\w{5})', /gmu)].map(([, state = '']) => state);
  const rows = table(DOCUMENT, 'message');
  expect(states.length).toBeGreaterThan(4);
  expect(rows.flatMap(([, cell = '']) => [...cell.matchAll(/`(\w{5})`/gu)].map(([, state]) => state)).sort()).toEqual(
    [...states].sort(),
  );
  const inOneLine = source.replaceAll(/' \+\s+'/gu, '').replaceAll(/\$\{name\}/gu, 'postgresLedger');
  const words = rows.flatMap(([cell = '']) => /"(.+)"/u.exec(cell)?.[1] ?? []);
  const parts = words.flatMap((text) => text.split(' … '));
  expect(parts.filter((text) => !inOneLine.includes(text))).toEqual([]);
});

const prismaSchema = blocks(DOCUMENT, 'prisma')[0]?.text ?? '';

/** Models of the Prisma schema as information_schema describes tables. */
function prismaColumns(): readonly string[] {
  const types: Readonly<Record<string, string>> = { String: 'text', Float: 'double precision' };
  return [...prismaSchema.matchAll(/model \w+ \{\n(.*?)\n\}/gsu)].flatMap(([, body = '']) => {
    const name = /@@map\("(\w+)"\)/u.exec(body)?.[1];
    return [...body.matchAll(/^ {2}(\w+) +(\w+)(.*)$/gmu)].map(
      ([, field, type = '', rest = '']) =>
        `${name} ${/@map\("(\w+)"\)/u.exec(rest)?.[1] ?? field} ${types[type]}${rest.includes('@id') ? ' key' : ''}`,
    );
  });
}

describeInPostgres('docs/postgres.md and a PostgreSQL:', () => {
  let server: PostgresServer;
  let pool: Pool;
  beforeAll(async () => {
    server = await startPostgres();
    pool = poolOf(server.connection);
    await pool.query(TABLES);
  });

  /** A database of its own, as empty as a new one. */
  async function emptyDatabase(name: string): Promise<PostgresServer['connection']> {
    await pool.query(`CREATE DATABASE ${name}`);
    return { ...server.connection, database: name };
  }

  /** By way of the network: programs take an address. */
  async function addressOf({ database }: { readonly database: string }, target = server.socket): Promise<string> {
    const { port } = await startTcpProxy(target);
    return `postgres://app@127.0.0.1:${port}/${database}`;
  }

  async function rowsOf<Row>(on: Pool, text: string): Promise<readonly Row[]> {
    return (await on.query(text)).rows as readonly Row[];
  }

  /** What decides about our statements: columns with type, collation and whether they may be empty; indexes by their words. */
  const schemaOf = async (on: Pool): Promise<readonly object[]> => [
    ...(await rowsOf<object>(
      on,
      `SELECT table_name, ordinal_position, column_name, data_type, collation_name, is_nullable
         FROM information_schema.columns WHERE table_name LIKE 'connect_auth_%' ORDER BY 1, 2`,
    )),
    ...(await rowsOf<object>(on, `SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'connect_auth_%' ORDER BY 1`)),
  ];

  test('the Knex migration makes the same tables, and takes them away again', async () => {
    const installed = install(['knex', 'pg']);
    print(installed.folder);
    writeFileSync(
      join(installed.folder, 'migrate.mjs'),
      `
import knex from 'knex';
const db = knex({ client: 'pg', connection: process.env.DATABASE_URL, migrations: { loadExtensions: ['.mjs'] } });
await db.migrate[process.env.WAY]();
await db.destroy();
`,
    );
    const connection = await emptyDatabase('by_knex');
    const DATABASE_URL = await addressOf(connection);
    const migrate = async (WAY: string): Promise<unknown> => {
      const { child, said } = installed.run('migrate.mjs', { DATABASE_URL, WAY });
      const [code] = (await once(child, 'close')) as [number];
      return [code, said()];
    };
    expect(await migrate('latest')).toEqual([0, '']);
    const other = poolOf(connection);
    const schema = await schemaOf(pool);
    expect(schema.length).toBeGreaterThan(9);
    expect(await schemaOf(other)).toEqual(schema);
    expect(await migrate('rollback')).toEqual([0, '']);
    expect(await schemaOf(other)).toEqual([]);
  });

  test('the Prisma models have the same columns', async () => {
    const columns = await rowsOf<{ readonly text: string }>(
      pool,
      `SELECT concat_ws(' ', c.table_name, c.column_name, c.data_type,
                CASE WHEN k.column_name IS NOT NULL THEN 'key' END) AS text
         FROM information_schema.columns AS c
         LEFT JOIN information_schema.key_column_usage AS k USING (table_name, column_name)
        WHERE c.table_name LIKE 'connect_auth_%' AND c.is_nullable = 'NO'`,
    );
    expect([...prismaColumns()].sort()).toEqual(columns.map(({ text }) => text).sort());
    expect(prismaSchema).toContain('@@index([expiresMs], map: "connect_auth_ledger_expires_ms")');
  });

  test('the database user gets the four rights on the two tables, of which server.test.ts shows that they do', async () => {
    await pool.query('CREATE ROLE connect_auth LOGIN');
    await pool.query(sql('GRANT'));
    const grants = await rowsOf<{ readonly text: string }>(
      pool,
      `SELECT concat_ws(' ', table_name, privilege_type) AS text
         FROM information_schema.role_table_grants WHERE grantee = 'connect_auth'`,
    );
    const rights = ['DELETE', 'INSERT', 'SELECT', 'UPDATE'];
    expect(grants.map(({ text }) => text).sort()).toEqual(
      ['connect_auth_connections', 'connect_auth_ledger'].flatMap((name) => rights.map((right) => `${name} ${right}`)),
    );
  });

  test.each([
    ['a schema that is not there', 'nowhere.connect_auth_ledger', '42P01'],
    ['a table without a primary key', 'keyless', '42P10'],
  ])('%s is named', async (_what, name, state) => {
    await pool.query('CREATE TABLE IF NOT EXISTS keyless AS TABLE connect_auth_ledger');
    const ledger = postgresLedger({ query: (text, values) => pool.query(text, values), encryptionKeys, table: name });
    await expect(ledger.acquire('any', claim)).rejects.toThrow(
      new RegExp(`does not find its table with the columns that it needs: .* \\(SQLSTATE ${state}\\)`, 'u'),
    );
  });

  describe('backup and restore', () => {
    let sandbox: Sandbox;
    let connect: ConnectAuth;
    beforeEach(async () => {
      sandbox = await startSandbox({ switches: { refresh: 'rotate' } });
      await pool.query('TRUNCATE connect_auth_ledger, connect_auth_connections');
      connect = start();
      const { code } = await signIn(sandbox);
      const { body } = await exchange(sandbox, { code });
      await connect.of('ann').import({
        access_token: String(body['access_token']),
        refresh_token: String(body['refresh_token']),
      });
      await refreshed();
      for (const name of ['ledger', 'connections'])
        await pool.query(`CREATE TABLE backup_${name} AS TABLE connect_auth_${name}`);
      cleanup(() => pool.query('DROP TABLE backup_ledger, backup_connections'));
    });

    /** A process that remembers nothing. */
    function start(): ConnectAuth {
      const database = {
        query: (text: string, values: string[]) => pool.query(text, values),
        encryptionKeys,
        queryTimeoutMs,
      };
      const started = connectAuth({
        ...sandbox.connectOptions,
        redirectUri: 'http://localhost:3000/connect/callback',
        owner: () => undefined,
        connections: postgresConnections(database),
        ledger: postgresLedger(database),
      });
      cleanup(() => started.close());
      return started;
    }

    /** As when another process finds, some time later, that the token of the record has run out. */
    async function refreshed(): Promise<ConnectToken> {
      await connect.close();
      connect = start();
      await pool.query(
        `UPDATE connect_auth_ledger SET record = regexp_replace(record, '"settledAt":[0-9.]+', '"settledAt":1')`,
      );
      const { access_token: refused } = await connect.of('ann').getToken();
      return connect.of('ann').getToken({ refused });
    }

    async function restore(...names: readonly ('ledger' | 'connections')[]): Promise<void> {
      for (const name of names) {
        await pool.query(`DELETE FROM connect_auth_${name}`);
        await pool.query(`INSERT INTO connect_auth_${name} SELECT * FROM backup_${name}`);
      }
    }

    test('an older ledger, and an empty one, cost nobody the connection', async () => {
      const { access_token: second } = await refreshed();
      await restore('ledger');
      const { access_token: third } = await refreshed();
      await pool.query('DELETE FROM connect_auth_ledger');
      const { access_token: fourth } = await refreshed();
      expect(new Set([second, third, fourth]).size).toBe(3);
      expect(sandbox.works(fourth)).toBe(true);
      expect((await connect.of('ann').status()).connected).toBe(true);
    });

    test('older connections take the newer token set from the ledger', async () => {
      const newest = await refreshed();
      await restore('connections');
      const before = sandbox.calls.refresh;
      expect((await refreshed()).access_token).toBe(newest.access_token);
      expect(sandbox.calls.refresh).toBe(before);
    });

    test('older connections do not bring back who has disconnected: it is noticed when the token is due', async () => {
      await connect.of('ann').disconnect();
      await restore('connections');
      expect((await connect.of('ann').status()).connected).toBe(true);
      await expect(refreshed()).rejects.toMatchObject({ code: 'ERR_CONNECT_EXPIRED', reason: 'revoked' });
    });

    test('with everything of yesterday a connection that was refreshed since ends where refresh tokens rotate', async () => {
      await refreshed();
      await restore('ledger', 'connections');
      await expect(refreshed()).rejects.toMatchObject({ code: 'ERR_CONNECT_EXPIRED', reason: 'invalid_grant' });
    });

    test('with everything of yesterday who has disconnected since is connected again', async () => {
      await connect.of('ann').disconnect();
      await restore('ledger', 'connections');
      expect((await start().of('ann').status()).connected).toBe(true);
      expect(sandbox.works((await refreshed()).access_token)).toBe(true);
    });
  });

  describe('what it prints runs as printed:', () => {
    let installed: Installed;
    let sandbox: Sandbox;
    beforeAll(async () => {
      sandbox = await startSandbox();
      installed = install(['pg', 'connect-pg-simple', 'postgres', 'knex', 'drizzle-orm']);
      print(installed.folder);
      writeFileSync(
        join(installed.folder, 'yours.mjs'),
        `export function login(req, res, next) {
  if (req.path !== '/login') return next();
  req.session.userId = req.query.as;
  res.send('hello');
}`,
      );
    });

    /** A web process, and what it and others find in their environment. */
    async function startServer(): Promise<{ readonly url: string; readonly env: Readonly<Record<string, string>> }> {
      const port = await freePort();
      const url = `http://localhost:${port}`;
      const { clientId, clientSecret, authorizeUrl, tokenUrl, apiBaseUrl } = sandbox.connectOptions;
      const env = {
        PORT: String(port),
        DATABASE_URL: await addressOf(server.connection),
        SESSION_SECRET: 'any',
        CONNECT_ENCRYPTION_KEYS: 'test:thirty-two-characters-or-more-for-the-tests',
        CONNECT_CLIENT_ID: clientId,
        CONNECT_CLIENT_SECRET: clientSecret,
        CONNECT_AUTHORIZE_URL: authorizeUrl,
        CONNECT_TOKEN_URL: tokenUrl,
        CONNECT_API_BASE_URL: apiBaseUrl,
        CONNECT_REDIRECT_URI: `${url}/connect/callback`,
      };
      const program = installed.run('server.mjs', env);
      await answering(`${url}/connect/authorize`, program);
      cleanup(async () => {
        program.child.kill('SIGTERM');
        expect(await once(program.child, 'close')).toEqual([0, null]);
      });
      return { url, env };
    }

    test('who connects on one device is connected on another, and for a script that imports the same file', async () => {
      const { url, env } = await unlessTaken(startServer);
      const loggedIn = async (): Promise<Browser> => {
        const visitor = browser();
        await visitor.visit(`${url}/login?as=dan`);
        return visitor;
      };
      const [phone, laptop] = [await loggedIn(), await loggedIn()];
      const { location } = await phone.visit(`${url}/connect/authorize?returnTo=/me`);
      expect((await phone.visit(await sandbox.allow(location))).location).toBe('/me');
      expect((await laptop.visit(`${url}/me`)).body).toContain('Sandbox User');
      writeFileSync(
        join(installed.folder, 'script.mjs'),
        `import { close, connect, connections } from './connect.mjs';
console.log((await connect.of('dan').getToken()).type, typeof (await connections.load('dan')).record);
await close();`,
      );
      const { child, said } = installed.run('script.mjs', env);
      expect([await once(child, 'close'), said()]).toEqual([[0, null], 'bearer string\n']);
    });

    const CHECK = (module: string): string => `
import { postgresConnections, postgresLedger } from 'express-connect-auth/postgres';
import { close, query } from './${module}';
const database = { query, encryptionKeys: [{ id: 'one', secret: 'thirty-two characters or more, for the tests' }], queryTimeoutMs: 5000 };
const ledger = postgresLedger(database);
const claim = { generation: 0, claimant: 'me', leaseMs: 1000, minAgeMs: 0, retentionMs: 60000 };
const key = process.env.KEY;
const won = await ledger.acquire(key, claim);
const settled = await ledger.settle(key, { generation: 0, fence: won.fence, box: 'box', retentionMs: 60000 });
const adopted = await ledger.acquire(key, claim);
const connections = postgresConnections(database);
const first = await connections.save(key, 'one', undefined);
const second = await connections.save(key, 'two', first);
const { record } = await connections.load(key);
console.log(won.kind, settled.kind, adopted.box, record, await connections.remove(key, first), await connections.remove(key, second));
await close();
`;
    const MODULES = ['postgres.mjs', 'knex.mjs', 'drizzle.mjs'];

    test('every client but pg, which the set-up shows, has its module', () => {
      expect(print(installed.folder).filter((name) => !/^(?:connect|server)\.mjs$|^migrations/u.test(name))).toEqual(
        MODULES,
      );
    });

    async function check(module: string, DATABASE_URL: string): Promise<readonly unknown[]> {
      const name = `check-${module}`;
      writeFileSync(join(installed.folder, name), CHECK(module));
      const { child, said } = installed.run(name, {
        DATABASE_URL,
        KEY: `${module} ${DATABASE_URL}`.replaceAll(/\W/gu, '-').slice(0, 64),
      });
      return [await once(child, 'close'), said()];
    }
    const sound = [[0, null], 'won settled box two false true\n'];

    test.each(MODULES)('%s', async (module) => {
      expect(await check(module, await addressOf(server.connection))).toEqual(sound);
    });

    describeInPgBouncer('behind PgBouncer in transaction mode', () => {
      test.each(MODULES)('%s', async (module) => {
        const { host, port } = await startPgBouncer(server);
        const socket = { path: join(host, `.s.PGSQL.${port}`) };
        expect(await check(module, await addressOf(server.connection, socket))).toEqual(sound);
      });
    });
  });
});
