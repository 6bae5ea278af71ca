import { inspect } from 'node:util';
import { isConnectError } from '../../../src/errors/connect-error';
import { redisConnections, type ConnectionStore, type RedisConnectionsOptions } from '../../../src/redis';
import { findSecrets } from '../../support/find-secret';

const encryptionKeys = [{ id: 'key', secret: 'the secret of connections, 40 letters ok' }];
const KEY = 'namespace:user-0123456789@example.com';
const NAME = `connect-auth:owner:${KEY}`;
const RECORD = 'v2.key.label.iv.sealed-record-0123456789';
const VERSION = 'version-of-before-0123';

interface Fake {
  readonly sent: string[][];
  readonly store: ConnectionStore;
}

/** A rejection, with whatever a client throws. */
class Rejection {
  constructor(readonly reason: unknown) {}
}
const LOST = new Rejection(new Error('Socket closed unexpectedly: redis://user:password@10.0.0.1:6379'));

/** A Redis that gives these replies in turn. */
function replying(replies: readonly unknown[], more: Partial<RedisConnectionsOptions> = {}): Fake {
  const sent: string[][] = [];
  const left = [...replies];
  const sendCommand = (...args: string[]): Promise<unknown> => {
    sent.push(args);
    const reply = left.shift();
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- clients reject with all sorts of things
    return reply instanceof Rejection ? Promise.reject(reply.reason) : Promise.resolve(reply);
  };
  return { sent, store: redisConnections({ sendCommand, encryptionKeys, ...more }) };
}

const sentCommands = ({ sent }: Fake): readonly (string | undefined)[] => sent.map(([command]) => command);

async function faultOf(work: Promise<unknown>): Promise<Record<string, unknown>> {
  const error: unknown = await work.then(
    (answer) => ({ answer }),
    (reason: unknown) => reason,
  );
  if (!isConnectError(error)) throw new Error(`no ConnectError: ${inspect(error)}`);
  const { code, status, stage, reason, retryAfterSeconds } = error;
  const told = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error) + String(error.stack);
  const seen = findSecrets(told, [
    { name: 'key', value: KEY },
    { name: 'record', value: RECORD },
    { name: 'version', value: VERSION },
    { name: 'address', value: '10.0.0.1:6379' },
    { name: 'secret', value: encryptionKeys[0]!.secret },
  ]);
  return { code, status, stage, reason, retryAfterSeconds, seen };
}

const fault = (reason: string) => ({
  code: 'ERR_CONNECT_STORE',
  status: 503,
  stage: 'refresh',
  reason,
  retryAfterSeconds: 2,
  seen: [],
});

const OPERATIONS: Readonly<Record<'load' | 'save' | 'remove', (store: ConnectionStore) => Promise<unknown>>> = {
  load: (store) => store.load(KEY),
  save: (store) => store.save(KEY, RECORD, VERSION),
  remove: (store) => store.remove(KEY, VERSION),
};

describe('load', () => {
  test.each<[string, unknown]>([
    ['text', [RECORD, VERSION]],
    ['Buffers', [Buffer.from(RECORD), Buffer.from(VERSION)]],
    ['bytes', [new Uint8Array(Buffer.from(RECORD)), VERSION]],
  ])('takes %s for record and version', async (_what, reply) => {
    const fake = replying([reply]);
    expect(await fake.store.load(KEY)).toEqual({ record: RECORD, version: VERSION });
    expect(fake.sent).toEqual([['HMGET', NAME, 'record', 'version']]);
  });

  test('finds nothing only where Redis says that neither is there', async () => {
    expect(await replying([[null, null]]).store.load(KEY)).toBeUndefined();
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an empty list', []],
    ['a list of one', [null]],
    ['a list of three', [RECORD, VERSION, null]],
    ['undefined twice', [undefined, undefined]],
    ['a record without a version', [RECORD, null]],
    ['a version without a record', [null, VERSION]],
    ['lists in it', [[RECORD], [VERSION]]],
    ['a word', 'QUEUED'],
    ['an object', { record: RECORD, version: VERSION }],
  ])('a reply that is %s is an answer of nobody, never "not connected"', async (_what, reply) => {
    const fake = replying([reply]);
    expect(await faultOf(fake.store.load(KEY))).toEqual(fault('answer'));
    expect(fake.sent).toHaveLength(1);
  });
});

describe('save', () => {
  test('names the script, its one key, the version that it makes up, the record and the version to be replaced', async () => {
    const fake = replying([1]);
    const version = await fake.store.save(KEY, RECORD, VERSION);
    expect(version).toMatch(/^[\w-]{22}$/u);
    expect(fake.sent).toEqual([
      ['EVALSHA', expect.stringMatching(/^[\da-f]{40}$/u), '1', NAME, version, RECORD, VERSION],
    ]);
  });

  test('names no version where there must be no record; an empty one is a version', async () => {
    const fake = replying([1, 1]);
    await fake.store.save(KEY, RECORD, undefined);
    await fake.store.save(KEY, RECORD, '');
    expect(fake.sent.map((args) => args.slice(5))).toEqual([[RECORD], [RECORD, '']]);
  });

  test('makes up another version each time', async () => {
    const { store } = replying(Array.from({ length: 50 }, () => 1));
    const versions = new Set<unknown>();
    for (let at = 0; at < 50; at += 1) versions.add(await store.save(KEY, RECORD, VERSION));
    expect(versions.size).toBe(50);
  });
});

describe.each([
  ['save', expect.stringMatching(/^[\w-]{22}$/u) as unknown, undefined],
  ['remove', true, false],
] as const)('%s', (name, done, notDone) => {
  const operation = OPERATIONS[name];

  test.each<[string, unknown, unknown]>([
    ['a number', 1, 0],
    ['a bigint', 1n, 0n],
    ['text', '1', '0'],
    ['a Buffer', Buffer.from('1'), Buffer.from('0')],
    ['a list of one', [1], [0]],
  ])('takes %s for yes and no', async (_what, yes, no) => {
    expect(await operation(replying([yes]).store)).toEqual(done);
    expect(await operation(replying([no]).store)).toBe(notDone);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an empty list', []],
    ['two of them', [1, 1]],
    ['another number', 2],
    ['a word', 'QUEUED'],
    ['true', true],
    ['an object', { done: 1 }],
  ])('a reply that is %s is an answer of nobody, and EVAL is not tried', async (_what, reply) => {
    const fake = replying([reply]);
    expect(await faultOf(operation(fake.store))).toEqual(fault('answer'));
    expect(sentCommands(fake)).toEqual(['EVALSHA']);
  });

  test.each<[string, unknown]>([
    ['Redis', new Error('NOSCRIPT No matching script. Please use EVAL.')],
    ['valkey-glide', new Error('An error was signalled by the server: - NoScriptError: No matching script.')],
    ['a client with an error of another realm', { message: 'NOSCRIPT No matching script.' }],
    ['a client that throws text', 'NOSCRIPT'],
  ])('where the script is not there, in the words of %s, EVAL decides', async (_whose, refusal) => {
    const fake = replying([new Rejection(refusal), 1, new Rejection(refusal), 0]);
    expect(await operation(fake.store)).toEqual(done);
    expect(await operation(fake.store)).toBe(notDone);
    expect(sentCommands(fake)).toEqual(['EVALSHA', 'EVAL', 'EVALSHA', 'EVAL']);
  });

  test('after a lost answer the same is sent once more, and what it finds done is done', async () => {
    const fake = replying([LOST, 1]);
    expect(await operation(fake.store)).toEqual(done);
    const [first = [], second = []] = fake.sent;
    expect([first[0], second[0]]).toEqual(['EVALSHA', 'EVAL']);
    expect(second.slice(2)).toEqual(first.slice(2));
  });

  test('after a lost answer nobody knows why it is refused: that is no "lost against another"', async () => {
    const fake = replying([LOST, 0]);
    expect(await faultOf(operation(fake.store))).toEqual(fault('failed'));
    expect(sentCommands(fake)).toEqual(['EVALSHA', 'EVAL']);
  });

  test('EVAL is tried once, and what it says is final', async () => {
    const fake = replying([LOST, LOST, 1]);
    expect(await faultOf(operation(fake.store))).toEqual(fault('failed'));
    expect(sentCommands(fake)).toEqual(['EVALSHA', 'EVAL']);
  });
});

describe.each(Object.entries(OPERATIONS))('%s', (_name, operation) => {
  test('rejects in time where no answer comes, and sends nothing afterwards', async () => {
    const sent: string[] = [];
    let fail: (error: Error) => void = () => undefined;
    const store = redisConnections({
      encryptionKeys,
      commandTimeoutMs: 50,
      sendCommand: (command = '') => {
        sent.push(command);
        return new Promise((_resolve, reject) => (fail = reject));
      },
    });
    expect(await faultOf(operation(store))).toEqual(fault('timeout'));
    fail(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toHaveLength(1);
  });

  test('rejects where the client throws at once, without its words', async () => {
    const sendCommand = (): never => {
      throw new Error('redis://user:password@10.0.0.1:6379');
    };
    expect(await faultOf(operation(redisConnections({ sendCommand, encryptionKeys })))).toEqual(fault('failed'));
  });
});

test('messages name redisConnections and what it sends', async () => {
  const answer: unknown = await replying([undefined]).store.load(KEY).catch(String);
  const failed: unknown = await replying([LOST, LOST]).store.save(KEY, RECORD, VERSION).catch(String);
  expect(answer).toContain('does not fit the command of redisConnections()');
  expect(failed).toContain('run EVALSHA, EVAL, HMGET and what the scripts call');
});

describe('options', () => {
  const SOUND = { sendCommand: () => Promise.resolve(null), encryptionKeys };
  const complaint = (options: unknown): unknown => {
    try {
      redisConnections(options as never);
      return undefined;
    } catch (error) {
      return isConnectError(error) && error.code === 'ERR_CONNECT_OPTIONS' ? error.message : error;
    }
  };

  test('what is required is enough, and every fault is named at once, without its value', () => {
    expect(complaint(SOUND)).toBeUndefined();
    expect(complaint({ ...SOUND, prefix: 'app{1}:', commandTimeoutMs: 5000 })).toBeUndefined();
    const said = complaint({ encryptionKeys: [], prefix: 'canary :', commandTimeoutMs: 49, ttl: 'canary' });
    expect(said).toMatch(
      new RegExp(
        String.raw`^redisConnections\(\) cannot use these options: ` +
          String.raw`sendCommand \(.*encryptionKeys \(.*prefix \(.*commandTimeoutMs \(.*ttl \(no such option\)\.`,
        'u',
      ),
    );
    expect(said).not.toContain('canary');
  });

  test('options that are changed afterwards change nothing', async () => {
    const sent: string[][] = [];
    const options = {
      sendCommand: (...args: string[]) => {
        sent.push(args);
        return Promise.resolve([null, null]);
      },
      encryptionKeys: [...encryptionKeys],
      prefix: 'mine:',
    };
    const store = redisConnections(options);
    options.prefix = 'other:';
    options.encryptionKeys.length = 0;
    await store.load(KEY);
    expect(sent).toEqual([['HMGET', `mine:owner:${KEY}`, 'record', 'version']]);
    expect(store.encryptionKeys).toEqual(encryptionKeys);
  });

  test('the store has its keys where no log shows them, and cannot be changed', () => {
    const { store } = replying([]);
    expect(store.encryptionKeys).toEqual(encryptionKeys);
    expect(Object.keys(store)).toEqual(['load', 'save', 'remove']);
    expect(inspect(store) + JSON.stringify(store)).not.toContain(encryptionKeys[0]!.secret);
    expect(Object.isFrozen(store)).toBe(true);
  });
});
