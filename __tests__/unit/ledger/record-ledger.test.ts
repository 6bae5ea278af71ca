import { inspect } from 'node:util';
import { isConnectError } from '../../../src/errors/connect-error';
import type { RefreshLedger } from '../../../src/ledger/ledger';
import { recordLedger } from '../../../src/ledger/record-ledger';
import type { RecordChange, UpdateRecord } from '../../../src/ledger/update';
import { ledgerConformance } from '../../../src/testing';
import { findSecrets } from '../../support/find-secret';

const HOUR = 3_600_000;
const KEY = 'k'.repeat(43);
const OLD_KEY = { id: 'old', secret: 'the old secret of the ledger, 40 letters' };
const NEW_KEY = { id: 'new', secret: 'the new secret of the ledger, 40 letters' };
const encryptionKeys = [OLD_KEY];
const claim = { generation: 0, claimant: 'a', leaseMs: 10_000, minAgeMs: 0, retentionMs: HOUR };
const failure = {
  claimant: 'a',
  kind: 'transient',
  backoffMs: 1000,
  error: 'unavailable',
  ambiguous: false,
  retentionMs: HOUR,
} as const;
const success = { generation: 0, fence: 1, box: 'box 1', retentionMs: HOUR };

interface Row {
  readonly record: string;
  readonly expiresAt: number;
}

/** A database of one table. Its clock stands still until it is moved. */
interface Database {
  readonly rows: Map<string, Row>;
  readonly clock: { now: number };
  /** What each step has come to, in order. */
  readonly changes: RecordChange[];
  readonly update: UpdateRecord;
}

function database(): Database {
  const rows = new Map<string, Row>();
  const clock = { now: 1_764_500_000_000 };
  const changes: RecordChange[] = [];
  return {
    rows,
    clock,
    changes,
    update(key, step) {
      const change = step(rows.get(key)?.record, clock.now);
      changes.push(change);
      const { answer, record, keepMs } = change;
      if (record !== undefined) rows.set(key, { record, expiresAt: clock.now + keepMs });
      return Promise.resolve(answer);
    },
  };
}

/** Deletes what has expired, as soon as it may. */
function tidy({ rows, clock, update }: Database): UpdateRecord {
  return (key, step) => {
    for (const [name, { expiresAt }] of rows) if (expiresAt <= clock.now) rows.delete(name);
    return update(key, step);
  };
}

/** Reads, thinks, and stores only if nobody else has stored meanwhile, again and again. */
function comparing({ rows, clock }: Database): UpdateRecord {
  return async (key, step) => {
    for (;;) {
      const read = rows.get(key);
      const { answer, record, keepMs } = step(read?.record, clock.now);
      await new Promise((resolve) => setImmediate(resolve));
      if (rows.get(key) !== read) continue;
      if (record !== undefined) rows.set(key, { record, expiresAt: clock.now + keepMs });
      return answer;
    }
  };
}

describe.each([
  ['that never deletes anything', ({ update }: Database) => update],
  ['that deletes what has expired at once', tidy],
  ['that compares and sets, and so runs steps again', comparing],
])('over a database %s', (_how, updateOf) => {
  const cases = ledgerConformance(() => {
    const db = database();
    return {
      ledger: recordLedger({ update: updateOf(db), encryptionKeys }),
      advance: (ms) => void (db.clock.now += ms),
    };
  });
  test.each(cases)('$name', ({ run }) => run());
});

/** Every operation on {@link KEY}, by its name. */
const OPERATIONS: Readonly<Record<string, (ledger: RefreshLedger) => Promise<unknown>>> = {
  acquire: (ledger) => ledger.acquire(KEY, claim),
  renew: (ledger) => ledger.renew(KEY, 'a', 10_000),
  settle: (ledger) => ledger.settle(KEY, success),
  fail: (ledger) => ledger.fail(KEY, failure),
  revoke: (ledger) => ledger.revoke(KEY, HOUR),
  once: (ledger) => ledger.once('name', HOUR),
};

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (answer) => {
      throw new Error(`answered ${inspect(answer)}`);
    },
    (error: unknown) => error,
  );
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  const error = await errorOf(work);
  return isConnectError(error) ? error.message.replace(/ See express-connect-auth.*$/u, '') : inspect(error);
}

async function faultOf(work: Promise<unknown>): Promise<Record<string, unknown>> {
  const error = await errorOf(work);
  if (!isConnectError(error)) throw error;
  return { code: error.code, status: error.status, reason: error.reason, retryAfterSeconds: error.retryAfterSeconds };
}

const away = (reason: string) => ({ code: 'ERR_CONNECT_LEDGER', status: 503, reason, retryAfterSeconds: 2 });

describe('what a database sees', () => {
  test('an operation is one step on one key', async () => {
    const db = database();
    const keys: string[] = [];
    const ledger = recordLedger({
      update: (key, step) => {
        keys.push(key);
        return db.update(key, step);
      },
      encryptionKeys,
    });
    for (const operation of Object.values(OPERATIONS)) await operation(ledger);
    expect(keys).toEqual([...Array<string>(5).fill(KEY), 'once:name']);
  });

  test('holds no token, whatever its spelling, and nothing that a text column could change', async () => {
    const db = database();
    const ledger = recordLedger({ update: db.update, encryptionKeys });
    const secrets = [
      { name: 'access token', value: 'access-0123456789abcdefABCDEF' },
      { name: 'refresh token', value: 'refresh-0123456789abcdefABCDEF' },
    ];
    const box = JSON.stringify({ access_token: secrets[0]!.value, refresh_token: secrets[1]!.value, name: 'ä€😀' });
    await ledger.acquire(KEY, claim);
    await ledger.settle(KEY, { ...success, box });
    expect(findSecrets(box, secrets)).not.toEqual([]);
    expect(findSecrets(inspect([db.rows, db.changes], { depth: 9 }), secrets)).toEqual([]);
    expect(db.rows.get(KEY)?.record).toMatch(/^[\x20-\x7e]{300,}$/u);
    expect(await ledger.acquire(KEY, claim)).toMatchObject({ kind: 'adopt', box });
  });

  test('is told how long to keep a text and what it holds, and never a shorter time than before', async () => {
    const db = database();
    const ledger = recordLedger({ update: db.update, encryptionKeys });
    await ledger.acquire(KEY, claim);
    db.clock.now += 1000;
    await ledger.renew(KEY, 'a', 10_000);
    await ledger.settle(KEY, { ...success, retentionMs: 2 * HOUR });
    await ledger.acquire(KEY, claim);
    for (const kind of ['transient', 'terminal'] as const) {
      await ledger.acquire(KEY, { ...claim, generation: 1 });
      await ledger.fail(KEY, { ...failure, kind, backoffMs: 0 });
    }
    await ledger.revoke(KEY, 1);
    await ledger.once('name', 7.5);
    await ledger.once('name', 7);
    expect(db.changes.map(({ record, keepMs, what }) => [record !== undefined, keepMs, what])).toEqual([
      [true, HOUR, 'refresh'],
      [true, HOUR - 1000, 'refresh'],
      [true, 2 * HOUR, 'record'],
      [false, 0, undefined],
      [true, 2 * HOUR, 'refresh'],
      [true, 2 * HOUR, 'record'],
      [true, 2 * HOUR, 'refresh'],
      [true, 2 * HOUR, 'record'],
      [true, 2 * HOUR, 'tombstone'],
      [true, 8, 'claim'],
      [false, 0, undefined],
    ]);
  });

  test('what is left of an ended connection holds no token set', async () => {
    const db = database();
    const ledger = recordLedger({ update: db.update, encryptionKeys });
    await ledger.acquire(KEY, claim);
    await ledger.settle(KEY, success);
    await ledger.revoke(KEY, HOUR);
    expect(JSON.parse(db.rows.get(KEY)?.record ?? '')).toEqual({
      v: 1,
      untilMs: db.clock.now + HOUR,
      record: { state: 'revoked' },
    });
  });

  test('a clock with fractions of a millisecond does', async () => {
    const db = database();
    db.clock.now += 0.7;
    const ledger = recordLedger({ update: db.update, encryptionKeys });
    await ledger.acquire(KEY, claim);
    await ledger.settle(KEY, success);
    db.clock.now += 1000;
    expect(await ledger.acquire(KEY, claim)).toEqual({ kind: 'adopt', generation: 1, box: 'box 1', ageMs: 1000 });
  });
});

describe('keys', () => {
  async function settled(): Promise<Database> {
    const db = database();
    const ledger = recordLedger({ update: db.update, encryptionKeys });
    for (const key of [KEY, 'other']) {
      await ledger.acquire(key, claim);
      await ledger.settle(key, success);
    }
    return db;
  }

  test('a rotated key ring opens what the old one sealed, and seals with the new one', async () => {
    const db = await settled();
    const rotated = recordLedger({ update: db.update, encryptionKeys: [NEW_KEY, OLD_KEY] });
    expect(await rotated.acquire(KEY, claim)).toMatchObject({ kind: 'adopt', box: 'box 1' });
    expect(db.rows.get(KEY)?.record).toContain('"v1.old.');
    await rotated.acquire(KEY, { ...claim, generation: 1 });
    await rotated.settle(KEY, { ...success, generation: 1, fence: 2 });
    expect(db.rows.get(KEY)?.record).toContain('"v1.new.');
  });

  test.each([
    ['under another ring', [NEW_KEY], (rows: Database['rows']) => rows.get(KEY)],
    ['under another secret of the same id', [{ ...NEW_KEY, id: 'old' }], (rows: Database['rows']) => rows.get(KEY)],
    ['moved from another key', encryptionKeys, (rows: Database['rows']) => rows.get('other')],
  ])(
    'a token set %s is an error, never a missing one; the connection can be ended all the same',
    async (_how, ring, from) => {
      const db = await settled();
      db.rows.set(KEY, from(db.rows)!);
      const ledger = recordLedger({ update: db.update, encryptionKeys: ring });
      expect(await faultOf(ledger.acquire(KEY, claim))).toEqual(away('key'));
      expect(await faultOf(ledger.settle(KEY, { ...success, fence: 0 }))).toEqual(away('key'));
      expect(await ledger.revoke(KEY, HOUR)).toEqual({ first: true });
      expect(await ledger.acquire(KEY, claim)).toEqual({ kind: 'revoked' });
    },
  );
});

describe('a database that does not keep to the contract rejects every operation,', () => {
  const each = Object.entries(OPERATIONS);

  test.each(each)('%s: one that rejects or throws, in words of ours', async (_name, operation) => {
    const words = 'postgres://user:password@10.0.0.1 SELECT';
    for (const update of [
      () => Promise.reject(new Error(words)),
      () => {
        throw new Error(words);
      },
    ]) {
      const error = await errorOf(operation(recordLedger({ update, encryptionKeys })));
      expect(isConnectError(error) && error.reason).toBe('refused');
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/password|10\.0\.0\.1|SELECT|kkkk/u);
    }
  });

  const wrong: Readonly<Record<string, UpdateRecord>> = {
    'that answers without a step': () => Promise.resolve(undefined),
    'that answers something else': async (_key, step) => {
      step(undefined, 1);
      return Promise.resolve({ kind: 'won', fence: 1 });
    },
    'that answers nothing': async (_key, step) => {
      step(undefined, 1);
      return Promise.resolve();
    },
    'that answers with a copy': async (_key, step) => Promise.resolve(structuredClone(step(undefined, 1).answer)),
    'that answers with the whole change': (_key, step) => Promise.resolve(step(undefined, 1)),
    'that answers with what an earlier run has come to': async (_key, step) => {
      const { answer } = step(undefined, 1);
      step(undefined, 1);
      return Promise.resolve(answer);
    },
    'that says nothing of a step that has failed': async (_key, step) => {
      const { answer } = step(undefined, 1);
      try {
        step('nothing of ours', 1);
      } catch {
        // Swallowed.
      }
      return Promise.resolve(answer);
    },
    'without a clock': (_key, step) => Promise.resolve(step(undefined, undefined as never).answer),
    'whose clock speaks text': (_key, step) => Promise.resolve(step(undefined, '1764500000000' as never).answer),
    'whose clock is not known': (_key, step) => Promise.resolve(step(undefined, NaN).answer),
    'whose clock speaks BigInt': (_key, step) => Promise.resolve(step(undefined, 1n as never).answer),
  };
  for (const [how, update] of Object.entries(wrong)) {
    test.each(each)(`%s: one ${how}`, async (_name, operation) => {
      expect(await faultOf(operation(recordLedger({ update, encryptionKeys })))).toEqual(away('answer'));
    });
  }

  const whole = { v: 1, untilMs: 9e15, record: { state: 'idle', generation: 1 } };
  const withRecord = (more: object): string => JSON.stringify({ ...whole, record: { ...whole.record, ...more } });
  const claimed = JSON.stringify({ ...whole, record: { state: 'claimed' } });
  test.each([
    ['null', null],
    ['empty text', ''],
    ['bytes', Buffer.from(JSON.stringify(whole))],
    ['an object', whole],
    ['the end of it cut off', JSON.stringify(whole).slice(0, -1)],
    ['a number', '5'],
    ['a list', '[]'],
    ['the form of another release', JSON.stringify({ ...whole, v: 2 })],
    ['no end', JSON.stringify({ ...whole, untilMs: undefined })],
    ['an end in words', JSON.stringify({ ...whole, untilMs: '2026-11-30' })],
    ['no record', JSON.stringify({ ...whole, record: undefined })],
    ['a list for a record', JSON.stringify({ ...whole, record: [] })],
    ['a state that is none', withRecord({ state: 'free' })],
    ['a state that everything has', withRecord({ state: 'constructor' })],
    ['a generation in words', withRecord({ generation: '1' })],
    ['a deadline of null', withRecord({ deadline: null })],
    ['a flag that is a number', withRecord({ ambiguous: 1 })],
    ['a claimant that is a number', withRecord({ claimant: 1 })],
    ['a word that is none', withRecord({ error: null })],
    ['a time of refusal in words', withRecord({ refusedAt: 'now' })],
    ['a box of text', withRecord({ box: 'box' })],
    ['a box of null', withRecord({ box: null })],
    ['a box without text', withRecord({ box: { fence: 1, settledAt: 1 } })],
    ['a box without a fence', withRecord({ box: { text: 'box', settledAt: 1 } })],
    ['a box without a time', withRecord({ box: { text: 'box', fence: 1 } })],
  ])('that has kept %s', async (_what, kept) => {
    const changes: RecordChange[] = [];
    const update: UpdateRecord = async (_key, step) => {
      const change = step(kept as string, 1);
      changes.push(change);
      return Promise.resolve(change.answer);
    };
    for (const operation of Object.values(OPERATIONS)) {
      expect(await faultOf(operation(recordLedger({ update, encryptionKeys })))).toEqual(away('answer'));
    }
    expect(changes).toEqual([]);
  });

  test('that keeps a name where a connection is, or a connection where a name is', async () => {
    const keeping = (kept: string) =>
      recordLedger({ update: async (_key, step) => Promise.resolve(step(kept, 1).answer), encryptionKeys });
    const { once, ...ofConnections } = OPERATIONS;
    for (const operation of Object.values(ofConnections)) {
      expect(await faultOf(operation(keeping(claimed)))).toEqual(away('answer'));
      await operation(keeping(withRecord({})));
    }
    expect(await faultOf(once!(keeping(withRecord({}))))).toEqual(away('answer'));
    expect(await once!(keeping(claimed))).toBe(false);
  });

  test('and says what to do about it', async () => {
    const of = (update: UpdateRecord): Promise<string> =>
      messageOf(recordLedger({ update, encryptionKeys }).acquire(KEY, claim));
    expect({
      rejects: await of(() => Promise.reject(new Error('away'))),
      answers: await of(() => Promise.resolve(undefined)),
      time: await of((_key, step) => Promise.resolve(step(undefined, NaN))),
      reads: await of((_key, step) => Promise.resolve(step('', 1))),
    }).toEqual({
      rejects: 'update() of recordLedger() has failed: let it log its own error before it rethrows it.',
      answers: 'update() of recordLedger() must resolve with the unchanged answer of the last run of its step.',
      time: 'update() of recordLedger() must call its step with the time in milliseconds, as a number.',
      reads:
        'A record of the ledger is not as it was stored: its database, or update() of recordLedger(), must return the text ' +
        'unchanged, and undefined only if there is none. A newer release of this package may also have written it.',
    });
  });

  test('and the next one that is carried out counts', async () => {
    const db = database();
    let fails = true;
    const ledger = recordLedger({
      update: (key, step) => (fails ? Promise.reject(new Error('away')) : db.update(key, step)),
      encryptionKeys,
    });
    await errorOf(ledger.acquire(KEY, claim));
    fails = false;
    expect(await ledger.acquire(KEY, claim)).toMatchObject({ kind: 'won', fence: 1 });
  });
});

describe('options', () => {
  const update: UpdateRecord = () => Promise.resolve(undefined);
  const UPDATE =
    'update (expected a function (key, step) that replaces one record atomically and gives the answer of step)';
  const KEYS =
    'encryptionKeys (expected a list of 1–10 keys { id, secret }, with distinct ids of 1–32 letters, digits, - and _, ' +
    'and secrets of at least 32 characters)';
  test.each([
    [undefined, `${UPDATE}; ${KEYS}`],
    [{ encryptionKeys }, UPDATE],
    [{ update: 'UPDATE', encryptionKeys }, UPDATE],
    [{ update }, KEYS],
    [{ update, encryptionKeys: [] }, KEYS],
    [{ update, encryptionKeys: [{ id: 'a', secret: 'short' }] }, KEYS],
    [{ update, encryptionKeys, updates: update }, 'updates (no such option, did you mean update?)'],
  ])('%j are refused without their values', (options, complaint) => {
    let thrown: unknown;
    try {
      recordLedger(options as never);
    } catch (error) {
      thrown = error;
    }
    expect(isConnectError(thrown) && [thrown.code, thrown.message]).toEqual([
      'ERR_CONNECT_OPTIONS',
      `recordLedger() cannot use these options: ${complaint}.`,
    ]);
  });

  test('are copied: a list of keys that changes later changes nothing', async () => {
    const db = database();
    const keys = [OLD_KEY];
    const ledger = recordLedger({ update: db.update, encryptionKeys: keys });
    keys[0] = NEW_KEY;
    await ledger.settle(KEY, success);
    expect(db.rows.get(KEY)?.record).toContain('"v1.old.');
    expect(Object.isFrozen(ledger)).toBe(true);
  });
});
