import { didYouMean, nearest } from '../checks/nearest';

/** What a switch takes: one of these words or numbers, of which the first is the default; a key; or any number. */
type Row = readonly (string | number)[] | 'key' | NumberRow;

/** A switch that takes a number. */
interface NumberRow {
  /** Of every value, also in the name of a switch. */
  readonly unit: 'milliseconds' | 'seconds';
  /** The least one. */
  readonly from: number;
  /** Of a sandbox that is started without this switch. */
  readonly default: number;
}

/**
 * Every switch of the sandbox, for what the provider's documentation is silent about. Type, validation, and the flags
 * of the command line with their help come from here; the table of docs/testing.md is compared with it.
 */
export const SWITCHES = {
  /** What becomes of `state` on the way back to the callback. */
  state: ['echo', 'drop', 'alter'],
  /** What "Decline" sends: `error=access_denied` (RFC 6749 §4.1.2.1), or the bare callback address without any parameter. */
  refusal: ['error', 'bare'],
  /** Where the client's id and secret may stand in a token request. */
  credentials: ['any', 'header', 'body', 'not-both'],
  /** The accepted media types of a token request. */
  requestFormat: ['any', 'json', 'form'],
  /**
   * The integrator's header `ACCESSTOKEN`, also at the API: refused with 2032 when absent and 2036 when wrong, or not
   * looked at. @defaultValue `'ignored'`
   */
  accessTokenKey: 'key',
  /** The refresh token in the answer to a refresh. `'rotate'`: the old one dies, and using it again ends the connection. */
  refresh: ['new', 'same', 'omitted', 'rotate'],
  /**
   * How a refresh token that no longer works is answered: in OAuth's word, or with this number as HTTP status and in
   * the body, in the shape of `errorShape` (where that is OAuth's own, as `errorObject`: there is no name for it).
   */
  deadGrantAs: ['invalid_grant', 400, 401, 403],
  /** Milliseconds during which a rotated refresh token still gets the same successor again. @defaultValue 0 */
  graceMs: { unit: 'milliseconds', from: 0, default: 0 },
  /** The form of `expires_at`. `'past'` is the value of the provider's own sample, from 2022. */
  expiresAt: ['seconds', 'milliseconds', 'string', 'iso', 'missing', 'past'],
  /** Seconds for which an access token works at the API, whatever `expiresAt` says. @defaultValue 3600 */
  lifetimeSeconds: { unit: 'seconds', from: 1, default: 3600 },
  /** The token answer: its four fields at the top, or under `data` of `{"success":true,"data":{…}}`. */
  envelope: ['flat', 'data'],
  /** PKCE (RFC 7636, S256): enforced once a challenge came, not looked at, or refused as an unknown parameter. */
  pkce: ['enforced', 'ignored', 'refused'],
  /** The body of every refusal at the token endpoint and the API. */
  errorShape: [
    'oauth',
    'errorObject',
    'errorStatus',
    'flat',
    'failedMessage',
    'failedCode',
    'failedError',
    'list',
    'array',
    'message',
    'numberedMessage',
    'text',
    'form',
    'encodedTwice',
    'foreignNumber',
    'html',
    'empty',
    'truncated',
    'scalar',
  ],
  /** The HTTP status of every refusal at the token endpoint and the API. */
  errorStatus: ['matching', 200, 400, 500],
} as const satisfies Readonly<Record<string, Row>>;

/** One of the switches. */
export type SwitchName = keyof typeof SWITCHES;
/** What a user may set a switch to. */
type ValueOf<Switch extends Row> = Switch extends readonly (infer Value)[]
  ? Value
  : Switch extends 'key'
    ? 'ignored' | { readonly required: string }
    : number;

/**
 * How the sandbox behaves where the provider's documentation is silent. The first value of each is the default.
 * @interface
 */
export type SandboxSwitches = { readonly [Name in keyof typeof SWITCHES]: ValueOf<(typeof SWITCHES)[Name]> };

export const SWITCH_NAMES = Object.keys(SWITCHES) as readonly SwitchName[];

/** The switches of a sandbox that was started without any. */
export const DEFAULT_SWITCHES = Object.freeze(
  Object.fromEntries(SWITCH_NAMES.map((name) => [name, defaultOf(SWITCHES[name])])),
) as unknown as SandboxSwitches;

/**
 * Gives `current` with `changes` applied. A test that misspells a switch would silently test something else,
 * so unknown names and values are refused here too, not by the compiler only.
 * @throws TypeError that names the switch, and never the value
 */
export function changeSwitches(current: SandboxSwitches, changes: Partial<SandboxSwitches>): SandboxSwitches {
  for (const [name, value] of Object.entries(changes)) {
    if (!isSwitchName(name))
      throw new TypeError(`The sandbox has no switch "${name}".${didYouMean(name, SWITCH_NAMES)}`);
    if (!takes(name, value)) {
      const expected = expectedOf(name, value, (word) => JSON.stringify(word));
      throw new TypeError(`The sandbox's switch "${name}" takes ${expected}`);
    }
  }
  return Object.freeze({ ...current, ...changes });
}

/** Whether a switch can have this value. */
export function takes(name: SwitchName, value: unknown): boolean {
  const row: Row = SWITCHES[name];
  if (row === 'key') return value === 'ignored' || isKeyRule(value);
  if (isChoice(row)) return row.some((word) => word === value);
  return typeof value === 'number' && Number.isFinite(value) && value >= row.from;
}

/**
 * What a switch takes instead of `value`, in words, never the value itself.
 * @param spelled - writes one of its words
 */
export function expectedOf(name: SwitchName, value: unknown, spelled: (word: string | number) => string): string {
  const row: Row = SWITCHES[name];
  if (row === 'key') return '"ignored" or { required: key }, the key in printable ASCII.';
  if (!isChoice(row)) return `a number from ${row.from} on.`;
  const near = nearest(typeof value === 'string' ? value : '', row.map(String));
  const meant = row.find((word) => String(word) === near);
  const words = row.map((word) => spelled(word)).join(', ');
  return `one of: ${words}.${meant === undefined ? '' : ` Did you mean ${spelled(meant)}?`}`;
}

export function isChoice(row: Row): row is readonly (string | number)[] {
  return Array.isArray(row);
}

export function isSwitchName(name: string): name is SwitchName {
  return Object.hasOwn(SWITCHES, name);
}

function defaultOf(row: Row): string | number | undefined {
  if (row === 'key') return 'ignored';
  return isChoice(row) ? row[0] : row.default;
}

/** As option `accessTokenKey` takes one, so that the sandbox can be called. */
function isKeyRule(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('required' in value)) return false;
  return typeof value.required === 'string' && /^[!-~](?:[ -~]*[!-~])?$/u.test(value.required);
}
