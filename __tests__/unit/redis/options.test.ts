import { isConnectError } from '../../../src/errors/connect-error';
import { redisLedger } from '../../../src/redis';

const KEY = { id: 'one', secret: 'a secret with more than 32 letters in it' };
const SOUND = { sendCommand: () => Promise.resolve(null), encryptionKeys: [KEY] };

/** What is said about options that are not usable; undefined when they are. */
function complaint(options: unknown): string | undefined {
  try {
    redisLedger(options as never);
    return undefined;
  } catch (error) {
    if (!isConnectError(error) || error.code !== 'ERR_CONNECT_OPTIONS' || error.stage !== 'options') throw error;
    return error.message;
  }
}

test('what is required is enough, and every limit is inside', () => {
  expect(complaint(SOUND)).toBeUndefined();
  expect(complaint({ ...SOUND, prefix: 'a', commandTimeoutMs: 50 })).toBeUndefined();
  expect(complaint({ ...SOUND, prefix: 'My_app.{1}-:'.padEnd(64, 'x'), commandTimeoutMs: 5000 })).toBeUndefined();
  expect(complaint({ ...SOUND, prefix: undefined, commandTimeoutMs: undefined })).toBeUndefined();
  const keys = Array.from({ length: 10 }, (_, at) => ({
    id: `key-${at}`.padEnd(at === 0 ? 32 : 5, '_'),
    secret: 'x'.repeat(32),
  }));
  expect(complaint({ ...SOUND, encryptionKeys: keys })).toBeUndefined();
});

test.each<[string, string, unknown]>([
  ['no function', 'sendCommand', 'PING'],
  ['missing', 'sendCommand', undefined],
  ['missing', 'encryptionKeys', undefined],
  ['no list', 'encryptionKeys', KEY],
  ['no key', 'encryptionKeys', []],
  ['11 keys', 'encryptionKeys', Array.from({ length: 11 }, (_, at) => ({ ...KEY, id: `key${at}` }))],
  ['two of one id', 'encryptionKeys', [KEY, { ...KEY }]],
  ['a secret of 31 letters', 'encryptionKeys', [{ id: 'one', secret: 'canary'.padEnd(31, 'x') }]],
  ['a secret that is bytes', 'encryptionKeys', [{ id: 'one', secret: Buffer.alloc(40) }]],
  ['an empty id', 'encryptionKeys', [{ ...KEY, id: '' }]],
  ['an id of 33 letters', 'encryptionKeys', [{ ...KEY, id: 'canary'.padEnd(33, 'x') }]],
  ['a dot in the id', 'encryptionKeys', [{ ...KEY, id: 'canary.1' }]],
  ['an unknown member of a key', 'encryptionKeys', [{ ...KEY, canary: 1 }]],
  ['null as a key', 'encryptionKeys', [null]],
  ['a blank in it', 'prefix', 'canary :'],
  ['empty', 'prefix', ''],
  ['65 letters', 'prefix', 'canary'.padEnd(65, 'x')],
  ['too short', 'commandTimeoutMs', 49],
  ['too long', 'commandTimeoutMs', 5001],
  ['a fraction', 'commandTimeoutMs', 50.5],
  ['text', 'commandTimeoutMs', '500'],
])('%s: %s is refused by name, without its value', (_what, name, value) => {
  const said = complaint({ ...SOUND, [name]: value });
  expect(said).toMatch(
    new RegExp(`^redisLedger\\(\\) cannot use these options: ${name} \\(expected [^()]+\\)\\.$`, 'u'),
  );
  expect(said).not.toContain('canary');
});

test('every fault is named at once, unknown names too', () => {
  const said = complaint({ keyPrefix: 'canary', 'two words': 1 });
  expect(said).toMatch(
    /sendCommand \(.*encryptionKeys \(.*keyPrefix \(no such option, did you mean prefix\?\); an option whose name is not printable\.$/u,
  );
  expect(said).not.toContain('canary');
  for (const nothing of [undefined, null]) expect(complaint(nothing)).toMatch(/sendCommand \(.*encryptionKeys \(/u);
});

test('options changed afterwards change nothing', async () => {
  const sent: string[][] = [];
  const options = {
    encryptionKeys: [KEY],
    prefix: 'mine:',
    sendCommand: (...args: string[]) => {
      sent.push(args);
      return Promise.resolve('OK');
    },
  };
  const ledger = redisLedger(options);
  options.prefix = 'other:';
  options.encryptionKeys.length = 0;
  expect(await ledger.once('name', 1000.2)).toBe(true);
  expect(sent).toEqual([['SET', 'mine:once:name', '1', 'NX', 'PX', '1001']]);
});
