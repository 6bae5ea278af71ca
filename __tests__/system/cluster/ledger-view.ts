import type { Pool } from 'pg';
import type { LedgerRecord } from '../../../src/ledger/record';
import type { RedisServer } from '../../support/redis-server';

/** What a test asks a record for. */
export interface RecordSeen extends Pick<LedgerRecord, 'state' | 'generation' | 'deadline' | 'ambiguous' | 'error'> {
  /** All of it, as it is stored. */
  readonly text: string;
}

/** Looks into a ledger that knows one connection, and others only from before {@link LedgerView.forget}. */
export interface LedgerView {
  /** The connections so far are of no interest; a process may still be busy with one, and bring its record back. */
  forget(): Promise<void>;
  /** `undefined`: there is none. */
  record(): Promise<RecordSeen | undefined>;
  /** Resolves once the record is as asked. @throws Error when it is not within a minute */
  until(isSo: (record: RecordSeen) => boolean): Promise<void>;
  /** Makes the newest token set so much older, in milliseconds. */
  ageBox(ms: number): Promise<void>;
  /** Ends the running lease, back-off or rest, as time would, if there is one. */
  endDeadline(): Promise<void>;
}

/** What a database has to offer for that; a key is one of its own. */
interface Records {
  /** Of connections, not of names and of sessions that have moved. */
  readonly keys: () => Promise<readonly string[]>;
  readonly read: (key: string) => Promise<RecordSeen | undefined>;
  readonly ageBox: (key: string, ms: number) => Promise<unknown>;
  readonly endDeadline: (key: string) => Promise<unknown>;
}

function viewOf(records: Records): LedgerView {
  const forgotten = new Set<string>();
  async function onlyKey(): Promise<string | undefined> {
    const left = (await records.keys()).filter((key) => !forgotten.has(key));
    if (left.length > 1) throw new Error('There are several connections.');
    return left[0];
  }
  async function record(): Promise<RecordSeen | undefined> {
    const key = await onlyKey();
    return key === undefined ? undefined : records.read(key);
  }
  return {
    async forget() {
      for (const key of await records.keys()) forgotten.add(key);
    },
    record,
    async until(isSo) {
      const lastMs = Date.now() + 60_000;
      for (;;) {
        const seen = await record();
        if (seen !== undefined && isSo(seen)) return;
        if (Date.now() > lastMs) throw new Error(`The record stays ${JSON.stringify({ ...seen, text: '…' })}.`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async ageBox(ms) {
      const key = await onlyKey();
      if (key === undefined) throw new Error('There is no record.');
      await records.ageBox(key, ms);
    },
    async endDeadline() {
      const key = await onlyKey();
      if (key !== undefined) await records.endDeadline(key);
    },
  };
}

/** Fields as src/ledger/redis/scripts.ts names them. */
export function ledgerInRedis(redis: RedisServer): LedgerView {
  return viewOf({
    async keys() {
      const all = (await redis.command('KEYS', 'connect-auth:*')) as readonly string[];
      return all.filter((key) => !/:(?:once|moved|owner):/u.test(key));
    },
    async read(key) {
      const words = (await redis.command('HGETALL', key)) as readonly string[];
      if (words.length === 0) return undefined;
      const fields = Object.fromEntries(
        words.flatMap((name, at) => (at % 2 === 0 ? [[name, words[at + 1] ?? '']] : [])),
      );
      return {
        state: fields['st'] as RecordSeen['state'],
        generation: Number(fields['g']),
        deadline: Number(fields['dl'] ?? 0),
        ambiguous: fields['amb'] === '1',
        error: fields['err'] ?? '',
        text: words.join('\n'),
      };
    },
    ageBox: (key, ms) => redis.command('HINCRBY', key, 'at', -ms),
    endDeadline: (key) => redis.command('HSET', key, 'dl', 0),
  });
}

/** Records as src/ledger/record-text.ts writes them: what is as in a record that says nothing is left out. */
export function ledgerInPostgres(pool: Pool): LedgerView {
  /** As any writer does it: under a version of its own. */
  const change = (key: string, record: string, ...values: readonly unknown[]): Promise<unknown> =>
    pool.query(
      `UPDATE connect_auth_ledger SET version = gen_random_uuid()::text, record = (${record})::text WHERE key = $1`,
      [key, ...values],
    );
  return viewOf({
    async keys() {
      const { rows } = await pool.query<{ key: string }>('SELECT key FROM connect_auth_ledger');
      return rows.map(({ key }) => key).filter((key) => !/^(?:once|moved):/u.test(key));
    },
    async read(key) {
      const { rows } = await pool.query<{ record: string }>('SELECT record FROM connect_auth_ledger WHERE key = $1', [
        key,
      ]);
      const text = rows[0]?.record;
      if (text === undefined) return undefined;
      const { record } = JSON.parse(text) as { record: Partial<LedgerRecord> };
      const { state = 'idle', generation = -1, deadline = 0, ambiguous = false, error = '' } = record;
      return { state, generation, deadline, ambiguous, error, text };
    },
    ageBox: (key, ms) =>
      change(
        key,
        `jsonb_set(record::jsonb, '{record,box,settledAt}',
          to_jsonb((record::jsonb #>> '{record,box,settledAt}')::float8 - $2::float8))`,
        ms,
      ),
    endDeadline: (key) => change(key, `jsonb_set(record::jsonb, '{record,deadline}', '0')`),
  });
}
