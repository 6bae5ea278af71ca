import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { postgresConnections, postgresLedger, type RefreshLedger } from '../../../src/postgres';
import { findSecrets } from '../../support/find-secret';
import { dumpOf, startPostgres, type PostgresServer } from '../../support/postgres';
import { describeInPostgres } from '../../support/requires';
import { poolOf, TABLES, type Query } from './clients';

const encryptionKeys = [{ id: 'one', secret: 'the secret of the tests, forty letters ok' }];
/** On a machine busy with other work PostgreSQL is not away. */
const queryTimeoutMs = 5000;
const HOUR = 3_600_000;
const claim = { generation: 0, claimant: 'a', leaseMs: 10_000, minAgeMs: 0, retentionMs: HOUR };
const success = { generation: 0, fence: 1, box: 'box 1', retentionMs: HOUR };

describeInPostgres('PostgreSQL', () => {
  let server: PostgresServer;
  let pool: Pool;
  /** Statements that were sent since the test began. */
  let sent: string[];
  /** Each is there before the operation that it follows is over. */
  let underWay: Promise<unknown>[];
  const query: Query = (text, values) => {
    sent.push(text);
    const answer = pool.query(text, values);
    underWay.push(answer);
    return answer;
  };
  const ledgerOf = (through: Query = query): RefreshLedger =>
    postgresLedger({ query: through, encryptionKeys, queryTimeoutMs });
  const storeOf = (through: Query = query) => postgresConnections({ query: through, encryptionKeys, queryTimeoutMs });

  beforeAll(async () => {
    server = await startPostgres();
    pool = poolOf(server.connection);
    await pool.query(TABLES);
  });
  beforeEach(async () => {
    sent = [];
    underWay = [];
    await pool.query('TRUNCATE connect_auth_ledger, connect_auth_connections');
  });

  const rowsOf = async (table: string): Promise<number> =>
    Number((await pool.query<{ count: string }>(`SELECT count(*) FROM ${table}`)).rows[0]!.count);

  describe('what an operation costs', () => {
    const count = async (work: () => Promise<unknown>): Promise<number> => {
      sent = [];
      await work();
      return sent.filter((text) => !text.startsWith('DELETE FROM "connect_auth_ledger"')).length;
    };

    test('is two statements for what changes the ledger, one for what it only reads, one for the store', async () => {
      const ledger = ledgerOf();
      const store = storeOf();
      const costs = {
        acquire: await count(() => ledger.acquire('key', claim)),
        renew: await count(() => ledger.renew('key', 'a', 10_000)),
        wait: await count(() => ledger.acquire('key', { ...claim, claimant: 'b' })),
        settle: await count(() => ledger.settle('key', success)),
        adopt: await count(() => ledger.acquire('key', claim)),
        once: await count(() => ledger.once('name', HOUR)),
        again: await count(() => ledger.once('name', HOUR)),
        load: await count(() => store.load('ada')),
        save: await count(() => store.save('ada', 'record', undefined)),
      };
      expect(costs).toEqual({
        acquire: 2,
        renew: 2,
        wait: 1,
        settle: 2,
        adopt: 1,
        once: 2,
        again: 1,
        load: 1,
        save: 1,
      });
    });
  });

  test('who only looks, and for that claims something for a moment, leaves no row', async () => {
    const ledger = ledgerOf();
    const look = { ...claim, leaseMs: 1, retentionMs: 50 };
    expect([await ledger.acquire('key', look), await ledger.once('name', 1)]).toMatchObject([{ kind: 'won' }, true]);
    expect(await rowsOf('connect_auth_ledger')).toBe(0);
    await ledger.revoke('key', HOUR);
    expect([await ledger.acquire('key', look), await rowsOf('connect_auth_ledger')]).toEqual([{ kind: 'revoked' }, 1]);
  });

  describe('of several processes', () => {
    test.each([
      ['nothing is known of', () => Promise.resolve()],
      [
        'was refreshed before',
        async (key: string) => {
          const ledger = ledgerOf();
          await ledger.acquire(key, claim);
          await ledger.settle(key, success);
        },
      ],
    ] as const)('exactly one of 40 claims at once wins what %s, on pools of five and of one', async (_what, before) => {
      const one =
        (pool: Pool): Query =>
        (text, values) =>
          pool.query(text, values);
      const pools = [query, ...Array.from({ length: 3 }, () => one(poolOf(server.connection, 1)))];
      const ledgers = pools.map((each) => ledgerOf(each));
      for (let round = 0; round < 5; round += 1) {
        const key = `key ${round}`;
        await before(key);
        const answers = await Promise.all(
          Array.from({ length: 40 }, (_, at) =>
            ledgers[at % ledgers.length]!.acquire(key, { ...claim, generation: 1, claimant: `claimant ${at}` }),
          ),
        );
        const kinds = answers.map(({ kind }) => kind).sort();
        expect(kinds).toEqual([...Array<string>(39).fill('wait'), 'won']);
      }
    });

    test('exactly one of 40 takes a name', async () => {
      const ledgers = [ledgerOf(), ledgerOf()];
      const answers = await Promise.all(Array.from({ length: 40 }, (_, at) => ledgers[at % 2]!.once('name', HOUR)));
      expect(answers.filter(Boolean)).toHaveLength(1);
    });

    test('each isolation level that a server may be set to gives the same', async () => {
      for (const level of ['repeatable read', 'serializable']) {
        const strict = poolOf({
          ...server.connection,
          options: `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`,
        } as never);
        const ledger = ledgerOf((text, values) => strict.query(text, values));
        const answers = await Promise.all(
          Array.from({ length: 10 }, (_, at) => ledger.acquire(level, { ...claim, claimant: `claimant ${at}` })),
        );
        expect(answers.filter(({ kind }) => kind === 'won')).toHaveLength(1);
        const store = storeOf((text, values) => strict.query(text, values));
        const saves = await Promise.all(Array.from({ length: 10 }, () => store.save(level, 'record', undefined)));
        expect(saves.filter((version) => version !== undefined)).toHaveLength(1);
      }
    });

    test('one that was stopped between reading and writing does not undo what happened meanwhile', async () => {
      let go: () => void = () => undefined;
      const stopped = new Promise<void>((resolve) => (go = resolve));
      let isReading: () => void = () => undefined;
      const reading = new Promise<void>((resolve) => (isReading = resolve));
      let reads = 0;
      const slow = ledgerOf(async (text, values) => {
        const answer = await query(text, values);
        reads += 1;
        if (reads === 1) {
          isReading();
          await stopped;
        }
        return answer;
      });
      const late = slow.acquire('key', { ...claim, claimant: 'late' });
      await reading;
      const fast = ledgerOf();
      await fast.acquire('key', claim);
      await fast.settle('key', success);
      go();
      expect(await late).toMatchObject({ kind: 'adopt', generation: 1, box: 'box 1' });
      expect(await fast.revoke('key', HOUR)).toEqual({ first: true, box: 'box 1' });
    });
  });

  describe('what has had its time', () => {
    /** Rows that ended an hour ago. */
    const ended = (count: number) =>
      pool.query(
        `INSERT INTO connect_auth_ledger
         SELECT 'old ' || n, '{}', 'v', extract(epoch FROM now()) * 1000 - ${HOUR} FROM generate_series(1, ${count}) AS n`,
      );
    const swept = () => sent.filter((text) => text.startsWith('DELETE FROM')).length;
    /** The rows that are left once no sweep is under way. */
    async function left(): Promise<number> {
      await Promise.allSettled(underWay);
      return rowsOf('connect_auth_ledger');
    }

    test('goes 100 at a time, with the writes that come, until nothing of it is left; then once a minute', async () => {
      await ended(250);
      const ledger = ledgerOf();
      const counts: number[] = [];
      for (let at = 0; at < 6; at += 1) {
        await ledger.once(`name ${at}`, HOUR);
        counts.push((await left()) - (at + 1));
      }
      expect({ counts, swept: swept() }).toEqual({ counts: [150, 50, 0, 0, 0, 0], swept: 3 });
    });

    test('is not looked for by who only reads', async () => {
      await ended(1);
      await ledgerOf().acquire('key', claim);
      await left();
      await ended(0);
      sent = [];
      await ledgerOf().acquire('key', { ...claim, claimant: 'b' });
      expect(swept()).toBe(0);
    });

    test('is left to others where somebody holds it, and where this user may not delete', async () => {
      await ended(3);
      const holder = await pool.connect();
      try {
        await holder.query('BEGIN');
        await holder.query(`SELECT * FROM connect_auth_ledger WHERE key = 'old 1' FOR UPDATE`);
        await ledgerOf().once('name', HOUR);
        expect(await left()).toBe(2);
      } finally {
        await holder.query('ROLLBACK');
        holder.release();
      }
      const refusing = ledgerOf((text, values) =>
        text.startsWith('DELETE') ? Promise.reject(new Error('no')) : query(text, values),
      );
      expect(await refusing.once('other', HOUR)).toBe(true);
      expect(await left()).toBe(3);
    });

    test('is no record, whether it is still there or not', async () => {
      const ledger = ledgerOf();
      await ledger.acquire('key', claim);
      await ledger.revoke('key', HOUR);
      await pool.query(`UPDATE connect_auth_ledger SET record = replace(record, '"untilMs":1', '"untilMs":-1')`);
      expect(await ledger.acquire('key', claim)).toMatchObject({ kind: 'won', fence: 1 });
    });
  });

  test('of 100,000 connections nothing is searched row by row', async () => {
    await pool.query(
      `INSERT INTO connect_auth_ledger SELECT 'key ' || n, '{}', 'v', 1e15 + n FROM generate_series(1, 100000) AS n`,
    );
    await pool.query(
      `INSERT INTO connect_auth_connections SELECT 'user ' || n, 'record', 'v' FROM generate_series(1, 100000) AS n`,
    );
    await pool.query('ANALYZE');
    const plans: string[] = [];
    const planned: Query = async (text, values) => {
      const { rows } = await pool.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values);
      plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
      return pool.query(text, values);
    };
    const ledger = ledgerOf(planned);
    await ledger.acquire('key', claim);
    await ledger.settle('key', success);
    const store = storeOf(planned);
    const version = await store.save('ada', 'record', undefined);
    const next = await store.save('ada', 'record', version);
    await store.load('ada');
    await store.remove('ada', next!);
    expect(plans).toHaveLength(9);
    for (const plan of plans) expect(plan).not.toMatch(/Seq Scan on connect_auth/u);
    expect(plans.filter((plan) => plan.includes('Index Scan'))).toHaveLength(plans.length - 2);
  });

  test('a dump holds no token, in plain, base64 or hex, and no row opens elsewhere', async () => {
    const box = JSON.stringify({ access_token: randomBytes(24).toString('base64url'), refresh_token: 'r'.repeat(40) });
    const ledger = ledgerOf();
    await ledger.acquire('key', claim);
    await ledger.settle('key', { ...success, box });
    const dump = await dumpOf(server);
    expect(dump).toContain('COPY public.connect_auth_ledger');
    expect(dump).toContain('"generation":1');
    const { access_token, refresh_token } = JSON.parse(box) as Record<string, string>;
    expect(
      findSecrets(dump, [
        { name: 'access token', value: access_token! },
        { name: 'refresh token', value: refresh_token! },
        { name: 'secret', value: encryptionKeys[0]!.secret },
      ]),
    ).toEqual([]);
    await pool.query(`UPDATE connect_auth_ledger SET key = 'other' WHERE key = 'key'`);
    await expect(ledger.acquire('other', claim)).rejects.toMatchObject({ code: 'ERR_CONNECT_LEDGER', reason: 'key' });
  });

  describe('set up otherwise', () => {
    const TWO = 'connect_auth_ledger, connect_auth_connections';

    /** Through a user of their own. */
    async function asUser(name: string, rights: string): Promise<Query> {
      await pool.query(`CREATE USER ${name}; ${rights}`);
      const theirs = poolOf({ ...server.connection, user: name });
      return (text, values) => theirs.query(text, values);
    }
    const all = async (through: Query): Promise<readonly unknown[]> => {
      const faults: unknown[] = [];
      const ledger = ledgerOf(through);
      const store = storeOf(through);
      const key = randomBytes(8).toString('hex');
      const steps = [
        () => ledger.acquire(key, claim),
        () => ledger.renew(key, 'a', 1000),
        () => ledger.settle(key, success),
        () => ledger.once(key, 1000),
        () => ledger.revoke(key, HOUR),
        async () => store.remove(key, (await store.save(key, 'record', await store.save(key, 'record', undefined)))!),
        () => store.load(key),
      ];
      for (const step of steps)
        await step().catch((fault: unknown) => faults.push(/SQLSTATE (\w+)/u.exec(String(fault))?.[1] ?? fault));
      return [...new Set(faults)];
    };

    test('select, insert, update and delete on its two tables are all that a user needs, and each of them is needed', async () => {
      const enough = await asUser('enough', `GRANT SELECT, INSERT, UPDATE, DELETE ON ${TWO} TO enough`);
      expect(await all(enough)).toEqual([]);
      for (const right of ['SELECT', 'INSERT', 'UPDATE', 'DELETE']) {
        const name = `without_${right.toLowerCase()}`;
        const rest = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'].filter((each) => each !== right);
        expect([right, await all(await asUser(name, `GRANT ${rest.join()} ON ${TWO} TO ${name}`))]).toEqual([
          right,
          ['42501'],
        ]);
      }
    });

    test('a server that only reads says so', async () => {
      expect(
        await all(
          await asUser(
            'reader',
            `ALTER USER reader SET default_transaction_read_only = on; GRANT ALL ON ${TWO} TO reader`,
          ),
        ),
      ).toEqual(['25006']);
    });

    test('tables that are not there, or are each other’s, say so', async () => {
      const { rows } = await pool.query<{ name: string }>(`SELECT current_database() AS name`);
      expect(rows).toHaveLength(1);
      const options = { query, encryptionKeys, queryTimeoutMs };
      const missing = postgresLedger({ ...options, table: 'Connect_Auth_Ledger' }).once('name', 1000);
      await expect(missing).rejects.toThrow('does not find its table with the columns that it needs');
      const other = postgresLedger({ ...options, table: 'public.connect_auth_connections' }).once('name', 1000);
      await expect(other).rejects.toThrow('does not find its table with the columns that it needs');
      const theirs = postgresConnections({ ...options, table: 'connect_auth_ledger' }).load('ada');
      await expect(theirs).rejects.toThrow('does not find its table with the columns that it needs');
      expect(await postgresLedger({ ...options, table: 'public.connect_auth_ledger' }).once('name', 1000)).toBe(true);
    });
  });

  test('a server that was started again is used again, and what it held is there', async () => {
    const ledger = ledgerOf();
    await ledger.acquire('key', claim);
    await server.stop();
    await expect(ledger.acquire('key', claim)).rejects.toMatchObject({ code: 'ERR_CONNECT_LEDGER', reason: 'refused' });
    await server.restart();
    expect(await ledger.acquire('key', claim)).toMatchObject({ kind: 'won', fence: 1 });
  });
});
