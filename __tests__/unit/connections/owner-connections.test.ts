import { memoryConnections, type ConnectionStore } from '../../../src';
import { offers } from '../../../src/base/offers';
import { ownerConnections, type OwnerConnections } from '../../../src/connections/owner-connections';
import type { TokenSet } from '../../../src/session/connect-token';
import { latch } from '../../support/refreshing';
import { tokenSet } from '../../support/token-set';

const ADA = { name: 'ada', tag: 'oTag' };

/** The token set of a connection, of a generation. */
const setOf = (connectionId: string, generation = 0, access_token = `${connectionId}-${generation}`): TokenSet =>
  tokenSet({
    token: { access_token, refresh_token: `${access_token}-refresh`, type: 'bearer' },
    connectionId,
    generation,
    owner: ADA.name,
    ownerTag: ADA.tag,
  });

interface World {
  readonly store: ConnectionStore;
  /** Runs before each operation, with its name. */
  before: (operation: 'load' | 'save' | 'remove') => Promise<void> | void;
  /** A process over the store. */
  readonly process: () => OwnerConnections & { readonly idle: () => Promise<void> };
  /** What another process finds. */
  readonly recorded: () => Promise<string>;
}

function world(): World {
  const plain = memoryConnections();
  const { encryptionKeys: keys } = plain;
  const own: World = {
    before: () => undefined,
    store: {
      load: async (key) => {
        // Read first: what waits is the answer.
        const found = await plain.load(key);
        await own.before('load');
        return found;
      },
      save: async (key, record, ifVersion) => {
        await own.before('save');
        return plain.save(key, record, ifVersion);
      },
      remove: async (key, ifVersion) => {
        await own.before('remove');
        return plain.remove(key, ifVersion);
      },
    },
    process: () => over(own.store),
    recorded: async () => {
      const record = await over(plain).load(ADA, 'refresh');
      if (record === undefined) return 'nothing';
      return record.kind === 'ended' ? record.reason : record.set.token.access_token;
    },
  };
  const over = (store: ConnectionStore): ReturnType<World['process']> => {
    const offering = offers();
    const connections = ownerConnections({
      store,
      keys: keys as never,
      clientId: 'client',
      tokenUrl: 'https://provider.example/token',
      sessionKey: 'connectToken',
      storeTimeoutMs: 1000,
      offers: offering,
    });
    return {
      ...connections,
      idle: async () => {
        await Promise.all(offering.pending);
      },
    };
  };
  return own;
}

const connect = (process: OwnerConnections, set: TokenSet): Promise<boolean> => process.recording(ADA, set).save();
const isAway = (): never => {
  throw new Error('away');
};
const noRevocation = (): Promise<void> => Promise.resolve();

describe('a refreshed token set', () => {
  test.each([
    ['takes the place of an older one', setOf('c'), setOf('c', 1), 'c-1'],
    ['of a process that has seen nothing takes it over several generations', setOf('c'), setOf('c', 3), 'c-3'],
    ['that is older changes nothing', setOf('c', 2), setOf('c', 1), 'c-2'],
    ['of the same generation that the ledger has preferred takes it', setOf('c', 1), setOf('c', 1, 'winner'), 'winner'],
    ['of another connection changes nothing', setOf('c'), setOf('other', 5), 'c-0'],
  ] as const)('%s', async (_what, before, renewed, after) => {
    const { process, recorded } = world();
    await connect(process(), before);
    await process().renew(ADA, renewed);
    expect(await recorded()).toBe(after);
  });

  test('changes nothing where the connection has ended, or there is none', async () => {
    const { process, recorded } = world();
    await process().renew(ADA, setOf('c', 1));
    expect(await recorded()).toBe('nothing');
    await connect(process(), setOf('c'));
    await process().end(ADA, noRevocation);
    await process().renew(ADA, setOf('c', 1));
    expect(await recorded()).toBe('disconnected');
  });

  test('that comes late takes no place of its own generation: the other one may have been refreshed since', async () => {
    const own = world();
    const process = own.process();
    await connect(process, setOf('c'));
    own.before = isAway;
    await process.renew(ADA, setOf('c', 1, 'late'));
    own.before = () => undefined;
    await own.process().renew(ADA, setOf('c', 1, 'in-time'));
    await process.idle();
    expect(await own.recorded()).toBe('in-time');
  });

  test('is recorded in one operation by whoever has seen the record, and safely by whoever has seen an older one', async () => {
    const own = world();
    const [one, two] = [own.process(), own.process()];
    await connect(one, setOf('c'));
    await two.load(ADA, 'refresh');
    const seen: string[] = [];
    own.before = (operation) => void seen.push(operation);
    await one.renew(ADA, setOf('c', 1));
    expect(seen).toEqual(['save']);
    await two.renew(ADA, setOf('c', 2));
    expect(seen).toEqual(['save', 'save', 'load', 'save']);
    expect(await own.recorded()).toBe('c-2');
  });
});

describe('taking back a sign-in', () => {
  test.each([
    ['nothing', undefined, 'nothing'],
    ['the connection that was there', setOf('before', 2), 'before-2'],
  ] as const)('leaves %s', async (_what, before, after) => {
    const { process, recorded } = world();
    if (before !== undefined) await connect(process(), before);
    const one = process();
    const recording = one.recording(ADA, setOf('c'));
    await recording.save();
    await recording.undo();
    expect(await recorded()).toBe(after);
  });

  test('leaves alone what has taken its place', async () => {
    const { process, recorded } = world();
    const first = process().recording(ADA, setOf('first'));
    await first.save();
    await connect(process(), setOf('second'));
    await first.undo();
    expect(await recorded()).toBe('second-0');
  });
});

describe('who asks after a change', () => {
  test('does not get what was read before it', async () => {
    const own = world();
    const process = own.process();
    await connect(process, setOf('first'));
    const slow = latch();
    own.before = () => slow.wait();
    const early = process.load(ADA, 'refresh');
    await slow.reached;
    own.before = () => undefined;
    await connect(process, setOf('second'));
    await expect(process.load(ADA, 'refresh')).resolves.toMatchObject({ set: { connectionId: 'second' } });
    slow.open();
    await early;
    expect(process.isCurrent(ADA, setOf('second'))).toBe(true);
  });

  test('is not told that a connection is current because somebody had asked before its end', async () => {
    const own = world();
    const process = own.process();
    await connect(process, setOf('c'));
    const slow = latch();
    own.before = () => slow.wait();
    const early = process.load(ADA, 'refresh');
    await slow.reached;
    own.before = () => undefined;
    await process.end(ADA, noRevocation);
    slow.open();
    await early;
    expect(process.isCurrent(ADA, setOf('c'))).toBe(false);
  });
});

test('a race that is lost after five further looks as well is a 503 that changes nothing', async () => {
  const own = world();
  const [one, two] = [own.process(), own.process()];
  let generation = 0;
  await connect(two, setOf('c'));
  own.before = async (operation) => {
    if (operation !== 'save') return;
    const { before } = own;
    own.before = () => undefined;
    await two.renew(ADA, setOf('c', (generation += 1)));
    own.before = before;
  };
  await expect(one.end(ADA, noRevocation)).rejects.toMatchObject({
    code: 'ERR_CONNECT_STORE',
    reason: 'conflict',
    status: 503,
  });
  expect(generation).toBe(6);
  expect(await own.recorded()).toBe('c-6');
});

test('a connection is ended for all processes before that is recorded', async () => {
  const own = world();
  await connect(own.process(), setOf('c'));
  const order: string[] = [];
  own.before = (operation) => void order.push(operation);
  const ended = await own.process().end(ADA, ({ connectionId }) => {
    order.push(`revoke ${connectionId}`);
    return Promise.resolve();
  });
  expect(ended?.connectionId).toBe('c');
  expect(order).toEqual(['load', 'revoke c', 'save']);
  await expect(own.process().end(ADA, noRevocation)).resolves.toBeUndefined();
});

test('whoever wants the same write while the store is away shares one: nobody multiplies its calls', async () => {
  const own = world();
  const process = own.process();
  await connect(process, setOf('c'));
  let calls = 0;
  own.before = () => {
    calls += 1;
    return isAway();
  };
  await Promise.all(Array.from({ length: 30 }, () => process.noteEnd(ADA, setOf('c'), 'refused')));
  await Promise.all(Array.from({ length: 30 }, () => process.renew(ADA, setOf('c', 1))));
  expect(calls).toBeLessThan(6);
  own.before = () => undefined;
  await process.idle();
  expect(await own.recorded()).toBe('refused');
});

test('a store that could not be read is away for 5 s, unless it answers before, or the clock is set back', async () => {
  const own = world();
  const process = own.process();
  const now = jest.spyOn(Date, 'now').mockReturnValue(1_000_000);
  const isAwayAt = (ms: number): boolean => {
    now.mockReturnValue(ms);
    return process.isAway();
  };
  own.before = isAway;
  await expect(process.load(ADA, 'refresh')).rejects.toMatchObject({ code: 'ERR_CONNECT_STORE' });
  expect([1_000_000, 1_004_999, 1_005_000, 900_000].map(isAwayAt)).toEqual([true, true, false, false]);
  now.mockReturnValue(1_001_000);
  own.before = () => undefined;
  await process.load(ADA, 'refresh');
  expect(process.isAway()).toBe(false);
  now.mockRestore();
});

test('a copy is trusted for a minute, and not for longer because the clock is set back', async () => {
  const own = world();
  const process = own.process();
  const now = jest.spyOn(Date, 'now').mockReturnValue(1_000_000);
  await connect(process, setOf('c', 1));
  const isCurrentAt = (ms: number): boolean => {
    now.mockReturnValue(ms);
    return process.isCurrent(ADA, setOf('c', 1));
  };
  expect([1_059_999, 1_060_000].map(isCurrentAt)).toEqual([true, false]);
  now.mockReturnValue(1_000_000);
  await process.load(ADA, 'refresh');
  expect([1_000_000, 999_999, 0].map(isCurrentAt)).toEqual([true, false, false]);
  now.mockReturnValue(1_000_000);
  expect(process.isCurrent(ADA, setOf('c', 0))).toBe(false);
  expect(process.isCurrent(ADA, setOf('other', 1))).toBe(false);
  now.mockRestore();
});
