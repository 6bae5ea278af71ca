import { inspect } from 'node:util';
import { isConnectError } from '../../../src/errors/connect-error';
import { postgresConnections, postgresLedger } from '../../../src/postgres';

const KEY = { id: 'one', secret: 'a secret with more than 32 letters in it' };
const SOUND = { query: () => Promise.resolve([]), encryptionKeys: [KEY] };

describe.each([
  ['postgresLedger', postgresLedger],
  ['postgresConnections', postgresConnections],
] as const)('%s', (name, make) => {
  /** What is said about options that are not usable; undefined when they are. */
  function complaint(options: unknown): string | undefined {
    try {
      make(options as never);
      return undefined;
    } catch (error) {
      if (!isConnectError(error) || error.code !== 'ERR_CONNECT_OPTIONS' || error.stage !== 'options') throw error;
      return error.message;
    }
  }

  test('what is required is enough, and every limit is inside', () => {
    const long = `_${'x'.repeat(62)}`;
    for (const more of [
      {},
      { table: 'T', queryTimeoutMs: 50 },
      { table: `${long}.${long}`, queryTimeoutMs: 5000 },
      { table: 'App_1.connect_auth' },
      { table: undefined, queryTimeoutMs: undefined },
    ]) {
      expect(complaint({ ...SOUND, ...more })).toBeUndefined();
    }
  });

  test.each<[string, string, unknown]>([
    ['no function', 'query', 'SELECT 1'],
    ['missing', 'query', undefined],
    ['missing', 'encryptionKeys', undefined],
    ['no key', 'encryptionKeys', []],
    ['a secret of 31 letters', 'encryptionKeys', [{ id: 'one', secret: 'canary'.padEnd(31, 'x') }]],
    ['empty', 'table', ''],
    ['a quote in it', 'table', 'canary"; DROP TABLE users; --'],
    ['a space in it', 'table', 'canary table'],
    ['a digit in front', 'table', '1canary'],
    ['three parts', 'table', 'canary.canary.canary'],
    ['an empty part', 'table', 'canary.'],
    ['64 letters', 'table', 'canary'.padEnd(64, 'x')],
    ['a newline behind it', 'table', 'canary\n'],
    ['a dollar in it, which Knex would take for a parameter', 'table', 'canary$1'],
    ['a list', 'table', ['canary']],
    ['too short', 'queryTimeoutMs', 49],
    ['too long', 'queryTimeoutMs', 5001],
    ['text', 'queryTimeoutMs', '500'],
  ])('%s: %s is refused by name, without its value', (_what, option, value) => {
    const said = complaint({ ...SOUND, [option]: value });
    expect(said).toMatch(
      new RegExp(`^${name}\\(\\) cannot use these options: ${option} \\(expected [^()]+\\)\\.$`, 'u'),
    );
    expect(said).not.toContain('canary');
  });

  test('every fault is named at once, unknown names too', () => {
    expect(complaint({ tabel: 'canary' })).toMatch(
      /query \(.*encryptionKeys \(.*tabel \(no such option, did you mean table\?\)\.$/u,
    );
    for (const nothing of [undefined, null]) expect(complaint(nothing)).toMatch(/query \(.*encryptionKeys \(/u);
  });

  test('a table stands in the statements to the letter, and its keys stand in no log', async () => {
    const texts: string[] = [];
    const query = (text: string): Promise<unknown[]> => {
      texts.push(text);
      return Promise.reject(new Error('away'));
    };
    const made = make({ ...SOUND, query, table: 'App.Connect_Auth' });
    const call = 'load' in made ? made.load('ada') : made.once('name', 1000);
    await expect(call).rejects.toThrow();
    expect(texts.map((text) => /(?:FROM|JOIN) ("\S+)/u.exec(text)?.[1])).toEqual(['"App"."Connect_Auth"']);
    expect(inspect(made, { depth: 9 })).not.toContain(KEY.secret);
  });
});
