import http from 'node:http';
import express from 'express';
import session from 'express-session';
import fc from 'fast-check';
import { connectAuth } from '../../../src';
import { readCallbackQuery, readParameter, type CallbackQuery } from '../../../src/web/query';
import type { Sandbox } from '../../../src/testing';
import { browser } from '../../support/app';
import { anyText, runs, urlQuery, webUrl } from '../../support/property';
import { startSandbox } from '../../support/sandbox';
import { serve } from '../../support/serve';

/** Each part as one word: its value, or what is wrong with it. */
function told(query: CallbackQuery): readonly string[] {
  return [query.state, query.code, query.error].map((part) => (part.kind === 'value' ? part.value : part.kind));
}

type Row = readonly [sentence: string, query: string, state: string, code: string, error: string];
const longest = 'a'.repeat(16_384);
const table: readonly Row[] = [
  ['state and code once each are read', '?state=S&code=C', 'S', 'C', 'absent'],
  ['state and error once each are read', '?error=access_denied&state=S', 'S', 'absent', 'access_denied'],
  ['nothing is in a URL without query', '', 'absent', 'absent', 'absent'],
  ['nothing is in an empty query', '?', 'absent', 'absent', 'absent'],
  ['nothing is in a query of separators', '?&&=&', 'absent', 'absent', 'absent'],
  ['a fragment is not part of the query', '?state=S#&code=C', 'S', 'absent', 'absent'],
  ['a second question mark belongs to the value', '?state=S&code=a?b', 'S', 'a?b', 'absent'],
  ['an equals sign belongs to the value', '?state=S&code=a==', 'S', 'a==', 'absent'],
  ['a percent-encoded value is decoded once', '?state=S&code=a%252Fb', 'S', 'a%2Fb', 'absent'],
  ['a percent-encoded ampersand belongs to the value', '?state=S&code=a%26code%3Db', 'S', 'a&code=b', 'absent'],
  ['a percent-encoded name is the same name', '?st%61te=S&%63ode=C', 'S', 'C', 'absent'],
  ['a semicolon separates nothing', '?state=S;code=C', 'S;code=C', 'absent', 'absent'],
  ['names in another case are other names', '?State=S&CODE=C', 'absent', 'absent', 'absent'],
  ['16,384 characters are read', `?state=${longest}&code=C`, longest, 'C', 'absent'],
  ['16,385 characters are bad', `?state=${longest}a&code=C`, 'bad', 'C', 'absent'],
  ['an oversized code is bad', `?state=S&code=${'a'.repeat(20_000)}`, 'S', 'bad', 'absent'],
  ['the bound counts decoded characters', `?state=S&code=${'%61'.repeat(16_384)}`, 'S', longest, 'absent'],
  ['an oversized error is bad', `?state=S&error=${longest}a`, 'S', 'absent', 'bad'],
  ['a duplicate code is bad', '?state=S&code=C&code=D', 'S', 'bad', 'absent'],
  ['a duplicate code of one value is bad', '?state=S&code=C&code=C', 'S', 'bad', 'absent'],
  ['a third code does not mend the second', '?state=S&code=C&code=D&code=E', 'S', 'bad', 'absent'],
  ['a duplicate state is bad', '?state=S&state=S&code=C', 'bad', 'C', 'absent'],
  ['a duplicate error is bad', '?state=S&error=a&error=b', 'S', 'absent', 'bad'],
  ['a duplicate in another spelling is bad', '?state=S&code=C&%63ode=D', 'S', 'bad', 'absent'],
  ['code[] is bad', '?state=S&code[]=C', 'S', 'bad', 'absent'],
  ['code[] next to code is bad', '?state=S&code=C&code[]=D', 'S', 'bad', 'absent'],
  ['code[x] is bad', '?state=S&code[x]=C', 'S', 'bad', 'absent'],
  ['code[x][y] is bad', '?state=S&code[x][y]=C', 'S', 'bad', 'absent'],
  ['code[0] is bad', '?state=S&code[0]=C', 'S', 'bad', 'absent'],
  ['code[ is bad', '?state=S&code[=C', 'S', 'bad', 'absent'],
  ['an encoded code[] is bad', '?state=S&code%5B%5D=C', 'S', 'bad', 'absent'],
  ['code[__proto__] is bad', '?state=S&code[__proto__]=C', 'S', 'bad', 'absent'],
  ['state[] is bad', '?state[]=S&code=C', 'bad', 'C', 'absent'],
  ['error[] is bad', '?state=S&error[]=a', 'S', 'absent', 'bad'],
  ['code.x is another name', '?state=S&code.x=C', 'S', 'absent', 'absent'],
  ['[code] is another name', '?state=S&[code]=C', 'S', 'absent', 'absent'],
  ['an empty code is bad', '?state=S&code=', 'S', 'bad', 'absent'],
  ['a code without equals sign is bad', '?state=S&code', 'S', 'bad', 'absent'],
  ['an empty state is bad', '?state=&code=C', 'bad', 'C', 'absent'],
  ['an empty error is bad', '?state=S&error=', 'S', 'absent', 'bad'],
  ['a lone percent sign is bad', '?state=S&code=%', 'S', 'bad', 'absent'],
  ['half a percent code is bad', '?state=S&code=a%2', 'S', 'bad', 'absent'],
  ['a percent code that is not hex is bad', '?state=S&code=%zz', 'S', 'bad', 'absent'],
  ['a percent code that is no UTF-8 is bad', '?state=S&code=%ff', 'S', 'bad', 'absent'],
  ['an overlong UTF-8 slash is bad', '?state=S&code=%c0%af', 'S', 'bad', 'absent'],
  ['a malformed state is bad', '?state=%E0%A4%A&code=C', 'bad', 'C', 'absent'],
  ['a malformed error is bad', '?state=S&error=%', 'S', 'absent', 'bad'],
  ['a letter beyond ASCII is bad', '?state=S&code=%C3%A9', 'S', 'bad', 'absent'],
  ['an astral character is bad', '?state=S&code=%F0%9F%98%80', 'S', 'bad', 'absent'],
  ['a blank is bad', '?state=S&code=a%20b', 'S', 'bad', 'absent'],
  ['a plus sign is a blank, and bad', '?state=S&code=a+b', 'S', 'bad', 'absent'],
  ['an encoded plus sign is read', '?state=S&code=a%2Bb', 'S', 'a+b', 'absent'],
  ['a line feed is bad', '?state=S&code=a%0Ab', 'S', 'bad', 'absent'],
  ['a line feed at the end is bad', '?state=S&code=a%0A', 'S', 'bad', 'absent'],
  ['NUL is bad', '?state=S&code=a%00', 'S', 'bad', 'absent'],
  ['DEL is bad', '?state=S&code=a%7F', 'S', 'bad', 'absent'],
  ['the first and the last visible character are read', '?state=%21&code=%7E', '!', '~', 'absent'],
  ['names of prototypes are plain values', '?state=__proto__&code=constructor', '__proto__', 'constructor', 'absent'],
  [
    'parameters named like prototypes change nothing',
    '?__proto__[state]=x&constructor.prototype=y&state=S&code=C',
    'S',
    'C',
    'absent',
  ],
  [
    'unknown parameters are ignored',
    '?iss=https%3A%2F%2Fx&state=S&session_state=1&code=C&error_description=x&error_uri=y',
    'S',
    'C',
    'absent',
  ],
  ['a malformed unknown parameter is ignored', '?x=%&%=y&state=S&code=C', 'S', 'C', 'absent'],
  ['a duplicate unknown parameter is ignored', '?x=1&x=2&state=S&code=C', 'S', 'C', 'absent'],
  ['2,000 unknown parameters hide nothing', `?${'x=1&'.repeat(2000)}state=S&code=C`, 'S', 'C', 'absent'],
];

test.each(table)('%s', (_sentence, query, ...expected) => {
  expect(told(readCallbackQuery(`/connect/callback${query}`))).toEqual(expected);
});

describe.each([[false], ['simple'], ['extended']])('under the query parser %s', (setting) => {
  let sandbox: Sandbox;
  let url: string;
  beforeAll(async () => {
    sandbox = await startSandbox();
    const app = express();
    // First of all: Express 4 reads this setting at the first use().
    app.set('query parser', setting);
    const server = http.createServer({ maxHeaderSize: 65_536 }, app as unknown as http.RequestListener);
    ({ url } = await serve(server));
    app.get('/seen', (req, res) => void res.json(told(readCallbackQuery(req.originalUrl))));
    app.use(session({ secret: 'session signing secret of the tests', resave: false, saveUninitialized: false }));
    app.use(connectAuth({ ...sandbox.connectOptions, redirectUri: `${url}/connect/callback` }));
  });

  test('the whole table reads the same over HTTP', async () => {
    const seen = await Promise.all(
      table.map(async ([sentence, query]) => {
        // A fragment never travels.
        const answer = await browser().visit(`${url}/seen${query.replace(/#.*$/u, '')}`);
        return [sentence, ...(JSON.parse(answer.body) as string[])];
      }),
    );
    expect(seen).toEqual(table.map(([sentence, , ...expected]) => [sentence, ...expected]));
  });

  type Visit = readonly [sentence: string, query: string, status: number];
  const visits: readonly Visit[] = [
    ['state and code', '?state=STATE&code=CODE', 302],
    [
      'state and code among unknown, duplicate and malformed extras',
      '?x=%&y=1&y=2&__proto__[a]=1&state=STATE&code=CODE&iss=z',
      302,
    ],
    ['state and code in another spelling', '?st%61te=STATE&%63ode=CODE', 302],
    ['a duplicate code', '?state=STATE&code=CODE&code=CODE', 400],
    ['code[]', '?state=STATE&code[]=CODE', 400],
    ['code[x]', '?state=STATE&code[x]=CODE', 400],
    ['code next to code[]', '?state=STATE&code=CODE&code[]=CODE', 400],
    ['code together with error', '?state=STATE&code=CODE&error=access_denied', 400],
    ['code together with an empty error', '?state=STATE&code=CODE&error=', 400],
    ['a malformed code', '?state=STATE&code=%', 400],
    ['a code beyond ASCII', '?state=STATE&code=%C3%A9', 400],
    ['an oversized code', `?state=STATE&code=${longest}a`, 400],
    ['no code', '?state=STATE', 400],
    ['nothing', '', 400],
    ['a malformed state', '?state=%&code=CODE', 400],
    ['a duplicate state', '?state=STATE&state=STATE&code=CODE', 400],
    ['state[]', '?state[]=STATE&code=CODE', 400],
    ['a wrong state with a malformed code', '?state=wrong&code=%', 403],
    ['no state', '?code=CODE', 403],
    ['an error', '?state=STATE&error=access_denied', 403],
  ];

  test.each(visits)(
    'a callback with %s is answered with its status, and only a sound one asks the provider',
    async (_sentence, query, status) => {
      const visitor = browser();
      const started = await visitor.visit(`${url}/connect/authorize`);
      const { searchParams } = new URL(await sandbox.allow(started.location));
      const before = sandbox.calls.token;
      const answer = await visitor.visit(
        `${url}/connect/callback${query
          .replaceAll('STATE', encodeURIComponent(searchParams.get('state')!))
          .replaceAll('CODE', encodeURIComponent(searchParams.get('code')!))}`,
      );
      expect([answer.status, sandbox.calls.token - before]).toEqual([status, status === 302 ? 1 : 0]);
    },
  );
});

const RUNS = runs(20_300_102);
const prototypes = [Object.prototype, Array.prototype, String.prototype, Function.prototype];
const membersOfPrototypes = (): readonly (string | symbol)[] =>
  prototypes.flatMap((prototype) => Reflect.ownKeys(prototype));

const name = fc.oneof(
  fc.constantFrom(
    'state',
    'code',
    'error',
    'returnTo',
    'code[]',
    'code[x]',
    'state%5B%5D',
    '%63ode',
    '__proto__',
    'constructor[prototype]',
    '%',
    '',
  ),
  anyText.map((text) => text.slice(0, 8)),
  fc.string({ maxLength: 8 }),
);
const value = fc.oneof(
  fc.stringMatching(/^[!-~]{0,20}$/u),
  anyText,
  fc.constantFrom('%', '%ff', '%C3%A9', '', '__proto__', longest, `${longest}a`),
  fc.string({ unit: 'grapheme' }).map((text) => encodeURIComponent(text)),
);
const pair = fc.tuple(name, fc.constantFrom('=', '', '=='), value).map((parts) => parts.join(''));
const originalUrl = fc.oneof(
  fc.array(pair, { maxLength: 6 }).map((pairs) => `/connect/callback?${pairs.join('&')}`),
  anyText,
  webUrl,
);

test('whatever the URL is, the reader does not throw, gives visible ASCII within its bound or says bad, and changes no prototype', () => {
  const before = membersOfPrototypes();
  fc.assert(
    fc.property(originalUrl, (url) => {
      for (const part of Object.values(readCallbackQuery(url)) as CallbackQuery['state'][]) {
        if (part.kind === 'value') expect(part.value).toMatch(/^[\x21-\x7e]{1,16384}$/u);
        else expect(['absent', 'bad']).toContain(part.kind);
      }
      expect(['absent', 'bad', 'value']).toContain(readParameter(url, 'returnTo').kind);
    }),
    RUNS,
  );
  expect(membersOfPrototypes()).toEqual(before);
});

test('a value that a URL was made with is read back, among any other parameters', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[!-~]{1,200}$/u), urlQuery, (code, others) => {
      fc.pre(!/(?:^|&)(?:code|state|error)(?:[=&[%]|$)/u.test(others) && !others.includes('%'));
      expect(readCallbackQuery(`/cb?${others}&code=${encodeURIComponent(code)}`).code).toEqual({
        kind: 'value',
        value: code,
      });
    }),
    RUNS,
  );
});
