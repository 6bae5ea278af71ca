import { compile } from './compiler';

/** Lines that somebody may write by mistake, and the compiler's answer to each. */
const WRONG: readonly (readonly [title: string, line: string, code: number])[] = [
  ['an option that does not exist', 'connectAuth({ ...OPTIONS, clientID: "id" });', 2561],
  [
    'options without a secret',
    'connectAuth({ clientId: "id", redirectUri: "https://app.example/connect/callback" });',
    2345,
  ],
  ['options of null', 'connectAuth(null);', 2345],
  ['a third way to authenticate', 'connectAuth({ ...OPTIONS, clientAuthentication: "both" });', 2322],
  ['a time with its unit', 'connectAuth({ ...OPTIONS, timeoutMs: "10s" });', 2322],
  ['true as a path', 'connectAuth({ ...OPTIONS, authorizePath: true });', 2322],
  ['one key that is no list', 'connectAuth({ ...OPTIONS, encryptionKeys: { id: "k1", secret: "s" } });', 2353],
  ['a key without id', 'connectAuth({ ...OPTIONS, encryptionKeys: [{ secret: "s" }] });', 2741],
  ['half a ledger', 'connectAuth({ ...OPTIONS, ledger: { once: () => Promise.resolve(true) } });', 2739],
  ['a write to the options', 'OPTIONS.clientSecret = "other";', 2540],
  ['a write to the middleware', 'connect.getToken = connect.getToken;', 2540],
  ['a guard with a name that it does not know', 'connect.requireConnect({ onMissing: "redirects" });', 2820],
  ['a token that is read without waiting for it', 'connect.getToken(req).access_token;', 2339],
  ['a refused token without its name', 'connect.getToken(req, "refused");', 2559],
  ['a client for nobody', 'connect.client();', 2554],
  ['a token that need not be there', 'req.session.connectToken.access_token;', 18048],
  ['an expiry as a date', 'const at: Date | undefined = req.session.connectToken?.expires_at;', 2322],
  ['a session property that the package does not have', 'req.session.connectTokens;', 2551],
  ['an event that is read before its type is known', 'event.generation;', 2339],
  ['a type of event that does not exist', 'if (event.type === "refresh") app.disable("etag");', 2367],
  ['a property of another event', 'if (event.type === "connected") event.durationMs;', 2339],
  ['a write to an event', 'event.time = 0;', 2540],
  ['a code that does not exist', 'new ConnectError("ERR_CONNECT_TEAPOT");', 2345],
  ['a comparison with a code that does not exist', 'if (error.code === "ERR_CONNECT_TEAPOT") error.detail;', 2367],
  ['an unknown value taken for a ConnectError', 'unknown.code;', 18046],
  ['a Redis ledger without keys', 'redisLedger({ sendCommand: () => Promise.resolve(null) });', 2345],
  ['a Redis ledger that gets a client', 'redisLedger({ client: {}, encryptionKeys: [] });', 2353],
  [
    'a policy that does not exist',
    'redisLedger({ sendCommand: () => Promise.resolve(null), encryptionKeys: [], prefix: 1 });',
    2322,
  ],
  [
    'an outcome of a claim that is read before its kind is known',
    'memoryLedger().acquire("key", claim).then((got) => got.box);',
    2339,
  ],
  ['a switch that the sandbox does not have', 'startSandbox({ switches: { rotation: true } });', 2353],
  ['a value that the switch does not take', 'startSandbox({ switches: { refresh: "rotates" } });', 2820],
  ['a counter that is set', 'sandbox.calls.token = 0;', 2540],
];

/** What all lines, wrong and right, start from. */
const PREAMBLE = `
import type { Express, Request } from 'express';
import { ConnectError, connectAuth, isConnectError, memoryLedger } from 'express-connect-auth';
import type { ConnectAuth, ConnectAuthOptions, ConnectEvent, LedgerClaim } from 'express-connect-auth';
import { redisLedger } from 'express-connect-auth/redis';
import { startSandbox, type Sandbox } from 'express-connect-auth/testing';
export const all = [ConnectError, connectAuth, isConnectError, memoryLedger, redisLedger, startSandbox];
declare const OPTIONS: ConnectAuthOptions, connect: ConnectAuth, app: Express, req: Request, event: ConnectEvent,
  error: ConnectError, unknown: unknown, claim: LedgerClaim, sandbox: Sandbox;
`;

const RIGHT = `
connectAuth({ ...OPTIONS, clientAuthentication: 'body', authorizePath: false, scope: ['a', 'b'], ledger: undefined });
connectAuth({ ...OPTIONS, ledger: redisLedger({ sendCommand: (...args) => Promise.resolve(args), encryptionKeys: [] }) });
app.get('/', connect.requireConnect({ onMissing: 'redirect' }), (request) => request.session.connectToken?.access_token);
connect.getToken(req, { refused: 'token' }).then(({ access_token }) => access_token);
connect.client(req).get<{ id: string }>('/me').then(({ data }) => data.id);
if (event.type === 'refreshed') event.durationMs.toFixed();
if (isConnectError(unknown) && unknown.code === 'ERR_CONNECT_EXPIRED') unknown.detail.length;
memoryLedger().acquire('key', claim).then((got) => (got.kind === 'adopt' ? got.box : got.kind));
startSandbox({ switches: { refresh: 'rotate' } }).then(({ calls }) => calls.token);
`;

/** Types that are not the public ones: the expectations of expected-types.ts would notice. */
const DIFFERENT = [
  ['a union that has grown', "expectTypeOf<ConnectErrorCode>().toEqualTypeOf<'ERR_CONNECT_OPTIONS'>();", 2344],
  [
    'a name that has become writable',
    'expectTypeOf<SandboxSwitches>().toEqualTypeOf<{ -readonly [K in keyof SandboxSwitches]: SandboxSwitches[K] }>();',
    2554,
  ],
] as const;
const DIFFERENT_PREAMBLE = `
import { expectTypeOf } from 'expect-type';
import type { ConnectErrorCode } from 'express-connect-auth';
import type { SandboxSwitches } from 'express-connect-auth/testing';
export type Both = [ConnectErrorCode, SandboxSwitches];
`;

function named(
  kind: string,
  preamble: string,
  rows: readonly (readonly [string, string, number])[],
): Record<string, string> {
  return Object.fromEntries(rows.map(([, line], index) => [`${kind}-${index}.ts`, `${preamble}${line}\n`]));
}

const { complaints } = compile({
  'expected-types.ts': undefined,
  'right.ts': PREAMBLE + RIGHT,
  ...named('wrong', PREAMBLE, WRONG),
  ...named('different', DIFFERENT_PREAMBLE, DIFFERENT),
});
const codesIn = (name: string): readonly (string | undefined)[] => complaints(name).map((text) => text.split(' ')[0]);

test('the public types are what users rely on', () => {
  expect(complaints('expected-types.ts')).toEqual([]);
});

test('right uses compile', () => {
  expect(complaints('right.ts')).toEqual([]);
});

test.each(WRONG.map(([title, , code], index) => ({ title, code, index })))(
  '$title does not compile',
  ({ code, index }) => {
    expect(codesIn(`wrong-${index}.ts`)).toEqual([`TS${code}`]);
  },
);

test.each(DIFFERENT.map(([title, , code], index) => ({ title, code, index })))(
  '$title is noticed',
  ({ code, index }) => {
    expect(codesIn(`different-${index}.ts`)).toEqual([`TS${code}`]);
  },
);
