import { Client } from 'pg';
import { describeInPgBouncer, describeInRedis } from '../../support/requires';
import { TABLES } from '../postgres/clients';
import { startPostgresBackend, type PostgresBackend } from './backends';
import { connectAnew, showTroubles, type Trouble } from './troubles';

const locks = new Set<Client>();

/** As a migration does it, or whoever forgets to end a transaction. */
function lock(mode: 'SHARE' | 'ACCESS EXCLUSIVE'): (backend: PostgresBackend) => Promise<void> {
  return async ({ server }) => {
    const client = new Client(server.connection);
    client.on('error', () => undefined);
    locks.add(client);
    await client.connect();
    await client.query('BEGIN');
    await client.query(`LOCK TABLE connect_auth_ledger IN ${mode} MODE`);
  };
}

async function unlock(): Promise<void> {
  for (const client of locks) await client.end();
  locks.clear();
}

/** For everybody, from their next statement on. */
async function readOnly({ statement }: PostgresBackend): Promise<void> {
  await statement('ALTER SYSTEM SET default_transaction_read_only = on');
  await settingsRead(statement, 'on');
}

async function writable({ statement }: PostgresBackend): Promise<void> {
  await statement('ALTER SYSTEM RESET default_transaction_read_only');
  await settingsRead(statement, 'off');
}

async function settingsRead(statement: PostgresBackend['statement'], value: string): Promise<void> {
  await statement('SELECT pg_reload_conf()');
  const isRead = async (): Promise<boolean> => {
    const [row] = (await statement('SHOW default_transaction_read_only')) as readonly Record<string, unknown>[];
    return row?.['default_transaction_read_only'] === value;
  };
  while (!(await isRead()));
}

const rename =
  (from: string, to: string) =>
  ({ statement }: PostgresBackend): Promise<unknown> =>
    statement(`ALTER TABLE IF EXISTS ${from} RENAME TO ${to}`);

async function restart({ server, statement }: PostgresBackend): Promise<void> {
  // Only what a crash would lose in these tests, where a server may lose what it has said to be done.
  await statement('CHECKPOINT');
  await server.restart();
}

type Pooled = Trouble<PostgresBackend>;
/** In which a statement may stand still, with the connection that it came by. */
const STANDING_STILL: readonly Pooled[] = [
  { name: 'stopped, then restarted', begin: ({ server }) => server.stop(), end: ({ server }) => server.restart() },
  { name: 'without answers', begin: ({ way }) => way.dropAnswers(), end: connectAnew },
  { name: 'locked by somebody else', begin: lock('ACCESS EXCLUSIVE'), end: unlock },
];
const TROUBLES: readonly Pooled[] = [
  ...STANDING_STILL,
  { name: 'unreachable', begin: ({ way }) => way.refuse(), end: ({ way }) => way.heal() },
  { name: 'slow by two seconds', begin: ({ way }) => way.delay(2000), end: connectAnew },
  { name: 'read-only', begin: readOnly, end: writable },
  {
    name: 'without its table',
    begin: rename('connect_auth_ledger', 'elsewhere'),
    end: rename('elsewhere', 'connect_auth_ledger'),
  },
];

const WAYS = [
  ['by PgBouncer in transaction mode', 'PgBouncer', TROUBLES],
  ['by a pool of one', 'a pool of one', STANDING_STILL],
] as const;

describeInRedis("the ledger's PostgreSQL", () =>
  describeInPgBouncer('and its troubles', () =>
    describe.each(WAYS)('%s', (_words, by, troubles) =>
      showTroubles({
        start: () => startPostgresBackend(by),
        troubles,
        // Reads go on, and what is written waits.
        silence: { name: 'silent', begin: lock('SHARE'), end: unlock },
        between: [
          ['emptied', false, (backend) => backend.empty()],
          [
            'made anew',
            false,
            ({ statement }) => statement(`DROP TABLE connect_auth_ledger, connect_auth_connections; ${TABLES}`),
          ],
          ['restarted', true, restart],
        ],
        async heal(backend) {
          await unlock();
          await writable(backend);
          await rename('elsewhere', 'connect_auth_ledger')(backend);
        },
      }),
    ),
  ),
);
