import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { compile, exportsOf } from './compiler';

const ENTRIES = ['index.ts', 'postgres.ts', 'redis.ts', 'testing/index.ts'];
const INTERFACES: readonly (readonly [entry: string, name: string, leastMembers: number])[] = [
  ['index.ts', 'ConnectAuthOptions', 30],
  ['index.ts', 'ConnectAuth', 7],
  ['index.ts', 'RequireConnectOptions', 2],
  ['index.ts', 'MemoryLedgerOptions', 2],
  ['index.ts', 'ConnectErrorHandlerOptions', 1],
  ['index.ts', 'EncryptionKey', 2],
  ['postgres.ts', 'PostgresLedgerOptions', 4],
  ['postgres.ts', 'PostgresConnectionsOptions', 4],
  ['redis.ts', 'RedisLedgerOptions', 4],
  ['redis.ts', 'RedisConnectionsOptions', 4],
  ['testing/index.ts', 'SandboxOptions', 5],
  ['testing/index.ts', 'SandboxSwitches', 13],
  ['testing/index.ts', 'PlanOptions', 2],
];

/** Optional members for which "not set" means that there is none: no default to tell. */
const WITHOUT_DEFAULT = [
  'issuer',
  'accessTokenKey',
  'encryptionKeys',
  'agent',
  'statusByApiCode',
  'loginUrl',
  'homeUrl',
  'renderError',
  'onEvent',
  'onConnect',
  'authorizeParams',
  'render',
  'switches',
];

/** What a reader of this package's declarations sees. */
interface Texts {
  /** The members that an interface, or an intersection with types of other packages, has from this package. */
  readonly membersOf: (entry: string, name: string) => readonly ts.Symbol[];
  readonly exported: (entry: string) => readonly (readonly [name: string, symbol: ts.Symbol])[];
  readonly hoverText: (symbol: ts.Symbol) => string;
  readonly defaultOf: (symbol: ts.Symbol) => string;
  readonly exampleOf: (symbol: ts.Symbol) => string;
}

function read(changed: Readonly<Record<string, string>> = {}): Texts {
  const { program } = compile({
    ...Object.fromEntries(ENTRIES.map((entry) => [`../../../src/${entry}`, undefined])),
    ...changed,
  });
  const checker = program.getTypeChecker();
  const isOurs = (symbol: ts.Symbol): boolean =>
    (symbol.declarations ?? []).some((declaration) =>
      declaration.getSourceFile().fileName.startsWith(join(__dirname, '../../../src/')),
    );
  return {
    membersOf: (entry, name) =>
      checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(exportsOf(program, entry).get(name)!)).filter(isOurs),
    exported: (entry) => [...exportsOf(program, entry)],
    hoverText: (symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim(),
    defaultOf: (symbol) => tagOf(symbol, 'defaultValue'),
    exampleOf: (symbol) => tagOf(symbol, 'example'),
  };

  function tagOf(symbol: ts.Symbol, tag: string): string {
    const tags = symbol.getJsDocTags(checker).filter(({ name }) => name === tag);
    return tags
      .map(({ text }) => ts.displayPartsToString(text))
      .join()
      .trim();
  }
}

const texts = read();
const namesOf = (symbols: readonly ts.Symbol[]): readonly string[] => symbols.map(({ name }) => name);
/** A default alone is enough of a text where the name says the rest. */
const silent = ({ hoverText, defaultOf }: Texts, symbols: readonly ts.Symbol[]): readonly string[] =>
  namesOf(symbols.filter((symbol) => hoverText(symbol) === '' && defaultOf(symbol) === ''));

describe.each(INTERFACES)('of %s, %s', (entry, name, least) => {
  const members = texts.membersOf(entry, name);

  test('every member has a hover text', () => {
    expect(members.length).toBeGreaterThanOrEqual(least);
    expect(silent(texts, members)).toEqual([]);
  });

  test('every optional member tells its default, if it has one', () => {
    const expected = members.filter(
      ({ flags, name: member }) => (flags & ts.SymbolFlags.Optional) !== 0 && !WITHOUT_DEFAULT.includes(member),
    );
    expect(namesOf(expected.filter((member) => texts.defaultOf(member) === ''))).toEqual([]);
  });
});

test.each(ENTRIES)('every name that %s exports has a hover text', (entry) => {
  const exported = texts.exported(entry);
  expect(exported.length).toBeGreaterThan(2);
  expect(exported.filter(([, symbol]) => texts.hoverText(symbol) === '').map(([name]) => name)).toEqual([]);
});

test('what a newcomer calls first has an example', () => {
  const exported = ENTRIES.flatMap((entry) => texts.exported(entry));
  const functions = ['connectAuth', 'isConnectError', 'startSandbox', 'redisLedger', 'postgresLedger'];
  const members = ['requireConnect', 'client', 'getToken', 'of', 'errorHandler'];
  const symbols = [
    ...exported.filter(([name]) => functions.includes(name)).map(([, symbol]) => symbol),
    ...texts.membersOf('index.ts', 'ConnectAuth').filter(({ name }) => members.includes(name)),
  ];
  expect(namesOf(symbols.filter((symbol) => texts.exampleOf(symbol).length > 20)).toSorted()).toEqual(
    [...functions, ...members].toSorted(),
  );
});

// Compiles a second time, on machines that are busy with other suites.
test('a missing text and a missing default are noticed', () => {
  const path = '../../../src/ledger/redis/options.ts';
  const source = readFileSync(join(__dirname, path), 'utf8');
  const changed = read({
    [path]: source.replace(/\/\*\* Prefix of every Redis key.*/u, ''),
  });
  const members = changed.membersOf('redis.ts', 'RedisLedgerOptions');
  expect(silent(changed, members)).toEqual(['prefix']);
  expect(namesOf(members.filter((member) => changed.defaultOf(member) !== ''))).toEqual(['commandTimeoutMs']);
});

test.each(['index', 'postgres', 'redis', 'testing'])('no member of entry %s is without a text', (entry) => {
  const report = readFileSync(join(__dirname, `../../../etc/${entry}.api.md`), 'utf8');
  expect(report).toContain('// @public');
  expect(report).not.toContain('(undocumented)');
});
