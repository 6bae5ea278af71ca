import { inspect } from 'node:util';
import { isConnectError } from '../../../src/errors/connect-error';
import type { PostgresQuery } from '../../../src/postgres';
import { postgresConnections, postgresLedger } from '../../../src/postgres';
import { findSecrets } from '../../support/find-secret';

const encryptionKeys = [{ id: 'one', secret: 'the secret of the tests, forty letters ok' }];
const claim = { generation: 0, claimant: 'a', leaseMs: 10_000, minAgeMs: 0, retentionMs: 60_000 };
const OWNER = 'ada-0123456789@example.com';
const NOTHING = { now: 1000, record: null, version: null };
const away = (state = ''): string =>
  'PostgreSQL cannot be reached or did not carry the statement out: query has rejected, so let it log its error, and ' +
  `check the log of the server${state}.`;

/** What an operation comes to: its answer, or what its error says. */
async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (answer) => ({ answer }),
    (error: unknown) => {
      if (!isConnectError(error)) throw new Error(`no ConnectError: ${inspect(error)}`);
      const { code, reason, retryAfterSeconds } = error;
      const [message] = error.message.split(' See express-connect-auth');
      const secrets = [
        { name: 'owner', value: OWNER },
        { name: 'secret', value: encryptionKeys[0]!.secret },
        { name: 'server', value: 'db.canary.example' },
      ];
      const seen = findSecrets(inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error), secrets);
      return { code, reason, retryAfterSeconds, message, seen };
    },
  );
}

const refused = (message: string, reason = 'refused') => ({
  code: 'ERR_CONNECT_LEDGER',
  reason,
  retryAfterSeconds: 2,
  message,
  seen: [],
});
const failed = (message: string, reason = 'failed') => ({ ...refused(message, reason), code: 'ERR_CONNECT_STORE' });

/** Both, with what they send. */
function over(query: PostgresQuery, more = {}) {
  const sent: [string, string[]][] = [];
  const options = {
    query: (text: string, values: string[]) => {
      sent.push([text, values]);
      return query(text, values);
    },
    encryptionKeys,
    ...more,
  };
  return { sent, ledger: postgresLedger(options), store: postgresConnections(options) };
}

/** As pg throws it, with more in it than anybody may see. */
function databaseError(code: string): Error {
  return Object.assign(new Error(`db.canary.example: ${OWNER} ${encryptionKeys[0]!.secret}`), { code, detail: OWNER });
}

/** As code that is not typed may do it. */
function rejecting(reason: unknown): PromiseLike<unknown> {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- that is what is tested
  return Promise.reject(reason);
}

describe('every statement', () => {
  const rows = (text: string): unknown[] => (text.startsWith('SELECT t.record, t.version, ') ? [NOTHING] : [{}]);

  test('has its parameters once each, in order, all of them text and cast, and no ? for those who use that', async () => {
    const { sent, ledger, store } = over((text) => Promise.resolve(rows(text)));
    await ledger.acquire('key', claim);
    await store.save(OWNER, 'record', undefined);
    await store.save(OWNER, 'record', 'version');
    await store.remove(OWNER, 'version');
    expect(sent).toHaveLength(6);
    for (const [text, values] of sent) {
      const names = [...text.matchAll(/\$(\d+)(::text)?/gu)];
      expect(names.map(([, number]) => number)).toEqual(values.map((_, at) => String(at + 1)));
      expect(names.map(([, , cast]) => cast)).toEqual(values.map(() => '::text'));
      expect(values.filter((value) => typeof value !== 'string')).toEqual([]);
      expect(text).not.toContain('?');
    }
  });
});

describe('an answer', () => {
  const held = { now: 1000, record: 'record', version: 'version' };

  test.each<[string, unknown]>([
    ['rows', [held]],
    ['{ rows }', { rows: [held], command: 'SELECT' }],
    ['a list with more to it', Object.assign([held], { count: 1 })],
    ['rows of a prototype of their own', [Object.assign(Object.create(null) as object, held)]],
  ])('as %s is read', async (_what, answer) => {
    const { store } = over(() => Promise.resolve(answer));
    expect(await store.load(OWNER)).toEqual({ record: 'record', version: 'version' });
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['text', 'SELECT 1'],
    ['an object without rows', { rowCount: 1 }],
    ['rows that are inherited', Object.create({ rows: [held] })],
    ['rows that are lists', [['record', 'version']]],
    ['rows that are null', [null]],
    ['a row without its record', [{ ...held, record: null }]],
    ['a row without its version', [{ now: 1, record: 'record' }]],
    ['a record that is bytes', [{ ...held, record: Buffer.from('record') }]],
    ['two rows', [held, held]],
  ])('that is %s is an error, and never "none"', async (_what, answer) => {
    const { sent, ledger, store } = over(() => Promise.resolve(answer));
    const words = (name: string): string =>
      `PostgreSQL's answer does not fit the statement of ${name}(): query must resolve with the rows as objects, or ` +
      'with { rows }.';
    expect(await outcomeOf(store.load(OWNER))).toEqual(failed(words('postgresConnections'), 'answer'));
    expect(await outcomeOf(ledger.acquire('key', claim))).toEqual(refused(words('postgresLedger'), 'answer'));
    expect(sent).toHaveLength(2);
  });

  test.each<[string, unknown]>([
    ['no row', []],
    ['no time', [{ ...NOTHING, now: null }]],
    ['a time that is no number', [{ ...NOTHING, now: 'now' }]],
  ])('that has %s says nothing about the ledger', async (_what, answer) => {
    const { sent, ledger } = over(() => Promise.resolve(answer));
    expect(await outcomeOf(ledger.acquire('key', claim))).toMatchObject({ reason: 'answer' });
    expect(sent).toHaveLength(1);
  });

  test('that gives a number as text is read, as some clients are set to do', async () => {
    const { ledger } = over((text) =>
      Promise.resolve(text.startsWith('SELECT') ? [{ ...NOTHING, now: '1000' }] : [{}]),
    );
    expect(await ledger.acquire('key', claim)).toMatchObject({ kind: 'won' });
  });
});

describe('a fault', () => {
  const noTable = 'does not find its table with the columns that it needs: create it as docs/postgres.md shows';
  const rights = 'needs the rights SELECT, INSERT, UPDATE and DELETE on its table: grant them';
  const noEntry = 'needs a user that the server accepts: check user and password of the pool, and pg_hba.conf';
  const readOnly = 'needs a server that accepts writes: query reaches a replica or a read-only server';

  test.each([
    ['42P01', noTable],
    ['42703', noTable],
    ['3F000', noTable],
    ['42P10', noTable],
    ['42501', rights],
    ['28P01', noEntry],
    ['28000', noEntry],
    ['3D000', 'needs a database that exists: check which one the pool connects to'],
    ['25006', readOnly],
  ])('of the set-up, %s, is named with its cure', async (code, cure) => {
    for (const fault of [
      databaseError(code),
      new Error('Drizzle', { cause: databaseError(code) }),
      Object.assign(new Error('Prisma'), { code: 'P2010', meta: { code } }),
    ]) {
      const { sent, ledger, store } = over(() => Promise.reject(fault));
      expect(await outcomeOf(store.load(OWNER))).toEqual(
        failed(`postgresConnections() ${cure} (SQLSTATE ${code}).`, 'setup'),
      );
      expect(await outcomeOf(ledger.once('name', 1000))).toEqual(
        refused(`postgresLedger() ${cure} (SQLSTATE ${code}).`, 'setup'),
      );
      expect(sent).toHaveLength(2);
    }
  });

  test.each<[string, () => PromiseLike<unknown>, string?]>([
    ['a rejection', () => Promise.reject(databaseError('57P01')), ' (57P01)'],
    ['no connection', () => Promise.reject(databaseError('ECONNREFUSED')), ' (ECONNREFUSED)'],
    ['no connection, as Drizzle tells it', () => rejecting({ cause: { code: 'ENOTFOUND' } }), ' (ENOTFOUND)'],
    ['one without a code', () => Promise.reject(new Error('db.canary.example'))],
    ['one that is a text', () => rejecting('42P01 db.canary.example')],
    ['one that is nothing', () => rejecting(undefined)],
    ['a code that somebody else made up', () => Promise.reject(databaseError('42P01 of db.canary.example'))],
    [
      'something thrown at once',
      () => {
        throw new Error('db.canary.example');
      },
    ],
    [
      'a getter that throws',
      () =>
        Promise.reject(
          Object.defineProperty(new Error('x'), 'code', {
            get: () => {
              throw new Error('db.canary.example');
            },
          }),
        ),
    ],
  ])('that is %s is an outage, and the statement is not sent again', async (_what, query, state = '') => {
    const { sent, ledger, store } = over(query);
    expect(await outcomeOf(store.remove(OWNER, 'version'))).toEqual(failed(away(state)));
    expect(await outcomeOf(ledger.revoke('key', 1000))).toEqual(refused(away(state)));
    expect(sent).toHaveLength(2);
  });

  test.each(['40001', '40P01', 'P2034'])('of two who were in each other’s way, %s, is tried again', async (code) => {
    let faults = 4;
    const { sent, store } = over(() =>
      faults-- > 0 ? Promise.reject(databaseError(code)) : Promise.resolve([{ owner: OWNER }]),
    );
    expect(await outcomeOf(store.remove(OWNER, 'version'))).toEqual({ answer: true });
    expect(sent).toHaveLength(5);
    expect(new Set(sent.map(([text, values]) => text + values.join()))).toHaveProperty('size', 1);
  });

  test.each(['40001', '40P01'])('%s for ever is an outage after five times', async (code) => {
    const { sent, store } = over(() => Promise.reject(databaseError(code)));
    expect(await outcomeOf(store.load(OWNER))).toEqual(failed(away(` (${code})`)));
    expect(sent).toHaveLength(5);
  });
});

describe('the time of an operation', () => {
  const queryTimeoutMs = 50;
  const late = 'PostgreSQL did not answer within 50 ms.';

  test('is over for one that is never answered', async () => {
    const { ledger, store } = over(() => new Promise(() => undefined), { queryTimeoutMs });
    expect(await outcomeOf(store.load(OWNER))).toEqual(failed(late, 'timeout'));
    expect(await outcomeOf(ledger.once('name', 1000))).toEqual(refused(late, 'timeout'));
  });

  test('is over for one that always comes second, and nothing is sent after that', async () => {
    const { sent, ledger } = over((text) => Promise.resolve(text.startsWith('SELECT') ? [NOTHING] : []), {
      queryTimeoutMs,
    });
    expect(await outcomeOf(ledger.acquire('key', claim))).toEqual(refused(late, 'timeout'));
    const then = sent.length;
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect({ hasTried: then > 2, more: sent.length - then }).toEqual({ hasTried: true, more: 0 });
  });

  test('is over before a claim is written: a read that comes late writes nothing', async () => {
    let answer: (rows: unknown[]) => void = () => undefined;
    const { sent, ledger } = over(() => new Promise<unknown[]>((resolve) => (answer = resolve)), { queryTimeoutMs });
    expect(await outcomeOf(ledger.acquire('key', claim))).toEqual(refused(late, 'timeout'));
    answer([NOTHING]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toHaveLength(1);
  });
});

describe('a write that was carried out, but whose answer got lost on its way to query, which sends it again,', () => {
  test('names its own version, so that the database can tell', async () => {
    const { sent, ledger, store } = over((text) =>
      Promise.resolve(text.startsWith('SELECT') ? [{ ...NOTHING }] : [{}]),
    );
    const first = await store.save(OWNER, 'record', undefined);
    const second = await store.save(OWNER, 'record', first);
    await ledger.once('name', 60_000);
    const [insert, replace, , claimed] = sent;
    expect(insert![0]).toContain(
      'ON CONFLICT (owner) DO UPDATE SET version = excluded.version WHERE t.version = excluded.version',
    );
    expect(replace![1].slice(-2)).toEqual([first, second]);
    expect(claimed![0]).toContain(
      'ON CONFLICT (key) DO UPDATE SET version = excluded.version WHERE t.version = excluded.version',
    );
    expect(new Set([first, second])).toHaveProperty('size', 2);
  });
});
