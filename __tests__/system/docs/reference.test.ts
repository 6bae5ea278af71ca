import * as entry from '../../../src';
import { connectErrorFrom, ConnectError, type ConnectErrorCode } from '../../../src';
import * as postgresEntry from '../../../src/postgres';
import * as redisEntry from '../../../src/redis';
import { CODES } from '../../../src/errors/codes';
import { connectOptionsFromEnv } from '../../../src/options/from-env';
import {
  API_CODE_MEANINGS,
  DOCUMENTED_API_CODES,
  errorForApiCode,
  errorForOAuthName,
} from '../../../src/provider/errors/error-table';
import { refreshFailure } from '../../../src/provider/token/refresh-failure';
import { MAX_RECORDS } from '../../../src/ledger/memory-ledger';
import { redisLedgerConfig } from '../../../src/ledger/redis/options';
import { blocks, namesIn, read, table, unquoted } from './markdown';
import { END_REASONS, ERROR_CODES, EVENT_TYPES, FAILURE_KINDS, MEMORY_SIZES, REDIS_OPTIONS } from './names';

const sections = [...read('docs/errors.md').matchAll(/^### (ERR_\w+)\n\n(.+)$/gmu)].map(
  ([, code = '', line = '']) => [code as ConnectErrorCode, line] as const,
);

/** Statuses that a code has by itself and by the API codes that lead to it. */
function statusesOf(code: ConnectErrorCode): readonly number[] {
  const byApiCode = (['exchange', 'refresh', 'api'] as const)
    .flatMap((stage) => DOCUMENTED_API_CODES.map((apiCode) => errorForApiCode(apiCode, { stage, statusByApiCode: {} })))
    .filter((error) => error?.code === code)
    .map((error) => error?.status ?? 0);
  return [...new Set([new ConnectError(code).status, ...byApiCode])].sort();
}

/** By the kinds of failures, as the second table of docs/errors.md says it. */
function visitorAt(error: ConnectError): string {
  const { kind } = refreshFailure(error);
  if (kind === 'refused') return '401 `ERR_CONNECT_EXPIRED`';
  if (kind === 'configuration') return '500 `ERR_CONNECT_CONFIG`';
  return `503 \`${error.code === 'ERR_CONNECT_RATE_LIMITED' ? error.code : 'ERR_CONNECT_UNAVAILABLE'}\``;
}

describe('docs/errors.md', () => {
  test('has a section for every error code, and for no other', () => {
    expect(sections.map(([code]) => code).sort()).toEqual([...ERROR_CODES].sort());
  });

  test.each(sections)('says under %s what the visitor gets: %s', (code, line) => {
    const { title } = new ConnectError(code);
    const statuses = code === 'ERR_CONNECT_API' ? '4xx' : statusesOf(code).join(' / ');
    expect(line).toBe(`${statuses} · ${title}`);
  });

  test('gives every API code, with its meaning, the status and the error code that it has at each place', () => {
    const cell = ({ status, code }: Pick<ConnectError, 'status' | 'code'>): string => `${status} \`${code}\``;
    const rows = API_CODE_MEANINGS.map(([apiCode, meaning]) => {
      const at = (stage: 'exchange' | 'refresh' | 'api') => {
        const error = connectErrorFrom({ status: 200, body: { error: { code: apiCode } } }, { stage });
        if (error === undefined) throw new Error(`${apiCode} is no error`);
        return error;
      };
      return [
        String(apiCode),
        meaning,
        cell(at('exchange')),
        cell(at('refresh')),
        visitorAt(at('refresh')),
        cell(at('api')),
      ];
    });
    expect(table('docs/errors.md', 'API code')).toEqual(rows);
    expect(rows).toHaveLength(17);
  });

  test('lists every member of a ConnectError', () => {
    const members = namesIn(
      'errors/connect-error.ts',
      /class ConnectError extends Error \{(.*?)\n {2}constructor/su,
      /readonly (\w+)\??:/gu,
    )
      // What Express's own error handler reads.
      .filter((name) => !['expose', 'headers'].includes(name));
    const listed = table('docs/errors.md', 'member').flatMap(([cell = '']) =>
      [...cell.matchAll(/`(\w+)`/gu)].map(([, name = '']) => name),
    );
    expect(listed.sort()).toEqual([...members, 'message'].sort());
  });

  test.each(ERROR_CODES)('explains every reason of %s, and no other', (code) => {
    const section = read('docs/errors.md').split(`\n### ${code}\n`)[1]?.split(/^##/mu)[0] ?? '';
    const explained = [...section.matchAll(/^\| ((?:`\w+`(?:, )?)+)[^|]*\|/gmu)]
      .flatMap(([, cell = '']) => cell.match(/\w+/gu) ?? [])
      .filter((word) => word !== 'reason');
    // Where there are one or two, a sentence explains them.
    const named = [...section.matchAll(/reason:? [`']+(\w+)|`reason` `(\w+)`/gu)].map(
      ([, one, two]) => one ?? two ?? '',
    );
    expect([...new Set([...explained, ...named])].sort()).toEqual([...CODES[code].reasons].sort());
  });
});

test('docs/errors.md says of every word and number that it names at a refresh what kind of failure it is', () => {
  const rows = table('docs/errors.md', 'the provider answers a refresh with');
  const about = { stage: 'refresh', statusByApiCode: {} } as const;
  const seen = rows.flatMap(([said = '', kinds = '', , fate]) => {
    const names = [...said.matchAll(/`(\w+)`/gu)].map(([, name = '']) => errorForOAuthName(name, about));
    const numbers = [...said.matchAll(/\b(\d{3,4})\b/gu)].map(([, code]) => errorForApiCode(Number(code), about));
    for (const error of [...names, ...numbers]) {
      if (error === undefined) throw new Error(`a word or number without a row: ${said}`);
      expect([said, kinds]).toEqual([said, expect.stringContaining(`\`${refreshFailure(error).kind}\``)]);
    }
    return [names.length + numbers.length, fate];
  });
  expect(seen).toEqual([
    1,
    'has ended',
    7,
    expect.stringContaining('24 hours'),
    5,
    'is kept',
    4,
    'is kept',
    0,
    'is kept',
  ]);
  const kinds = rows.flatMap(([, cell = '']) => cell.match(/\w+/gu) ?? []);
  expect([...new Set(kinds)].sort()).toEqual([...FAILURE_KINDS].sort());
});

test('docs/recipes.md lists every reason for which a connection ends', () => {
  expect(table('docs/recipes.md', '`reason` of `ended`').map(([cell]) => unquoted(cell))).toEqual(END_REASONS);
});

test('docs/recipes.md lists every event and every kind of failed refresh, and no other', () => {
  expect(
    table('docs/recipes.md', 'event')
      .map(([cell]) => unquoted(cell))
      .sort(),
  ).toEqual([...EVENT_TYPES].sort());
  expect(
    table('docs/recipes.md', '`kind` of `refresh_failed`')
      .map(([cell]) => unquoted(cell))
      .sort(),
  ).toEqual([...FAILURE_KINDS].sort());
});

/** What an event declares, and what it takes from others; of what all events may have, only what it names itself. */
function membersOf(name: string): readonly string[] {
  const [, parents = '', body] =
    new RegExp(`interface ${name} extends ([\\w, ]+) \\{(.*?)\\n\\}`, 'su').exec(read('src/errors/events.ts')) ?? [];
  if (body === undefined) throw new Error(`src/errors/events.ts has no ${name}`);
  const own = [...body.matchAll(/readonly (\w+\??):/gu)].map(([, member = '']) => member);
  return [...own, ...parents.split(', ').flatMap((parent) => (parent === 'EventBase' ? [] : membersOf(parent)))];
}

test('docs/recipes.md lists what each event holds', () => {
  for (const [cell, , holds = ''] of table('docs/recipes.md', 'event')) {
    const name = unquoted(cell).replace(/(?:^|_)(\w)/gu, (_, letter: string) => letter.toUpperCase());
    const members = membersOf(`${name}Event`).filter((member) => !['type', 'time'].includes(member));
    expect([name, ...(holds.match(/[\w?]+/gu) ?? [])].sort()).toEqual([name, ...members].sort());
  }
});

test('the choice in docs/scaling.md names every ledger and every store of connections that there is', () => {
  const offered = Object.keys({ ...entry, ...postgresEntry, ...redisEntry }).filter((name) =>
    /(?:Ledger|Connections)$/u.test(name),
  );
  const chosen = table('docs/scaling.md', 'you run').flatMap(([, , ledger, store]) =>
    [ledger, store].flatMap((cell = '') => /^`(\w+)\(\)`/u.exec(cell)?.[1] ?? []),
  );
  expect(offered.length).toBeGreaterThan(5);
  expect(chosen.sort()).toEqual(offered.sort());
});

test('docs/scaling.md lists every option of redisLedger with its default', () => {
  const config = redisLedgerConfig({
    sendCommand: () => Promise.resolve(null),
    encryptionKeys: [{ id: 'a', secret: 'x'.repeat(32) }],
  }) as unknown as Readonly<Record<string, unknown>>;
  const printed = (value: unknown): string => (typeof value === 'string' ? `\`'${value}'\`` : `\`${String(value)}\``);
  expect(table('docs/scaling.md', 'option of `redisLedger`').map(([name, value]) => [unquoted(name), value])).toEqual(
    REDIS_OPTIONS.map((name) => [
      name,
      ['sendCommand', 'encryptionKeys'].includes(name) ? 'required' : printed(config[name]),
    ]),
  );
});

test('docs/scaling.md lists every size of memoryLedger with its default', () => {
  expect(MEMORY_SIZES.length).toBeGreaterThan(2);
  expect(table('docs/scaling.md', 'option of `memoryLedger`').map(([name, value]) => [unquoted(name), value])).toEqual(
    MEMORY_SIZES.map((name) => [name, name === 'maxRecords' ? `\`${MAX_RECORDS}\`` : '`maxRecords`']),
  );
});

test('.env.example, and every file of variables in the documents, names only variables that are read', () => {
  const known = new Set<string>();
  const spy = new Proxy<Record<string, string>>(
    {},
    {
      get(_target, name) {
        known.add(String(name));
        return 'http://localhost/connect/callback';
      },
    },
  );
  try {
    connectOptionsFromEnv(spy);
  } catch {
    // Not every value is usable; by now every name has been looked up.
  }
  const set = (text: string): readonly string[] =>
    [...text.matchAll(/^(CONNECT_\w+)=/gmu)].map(([, name = '']) => name);
  expect([...set(read('.env.example'))].sort()).toEqual([...known].sort());
  expect(
    blocks('README.md', 'ini')
      .flatMap(({ text }) => set(text))
      .filter((name) => !known.has(name)),
  ).toEqual([]);
  expect(blocks('README.md', 'ini')).toHaveLength(1);
});
