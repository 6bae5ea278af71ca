/** How the sandbox behaves where the provider's documentation is silent. The first value of each is the default. */
export interface SandboxSwitches {
  /** What becomes of `state` on the way back to the callback. */
  readonly state: 'echo' | 'drop' | 'alter';
  /** What "Decline" sends: `error=access_denied` (RFC 6749 §4.1.2.1), or the bare callback address without any parameter. */
  readonly refusal: 'error' | 'bare';
  /** Where the client's id and secret may stand in a token request. */
  readonly credentials: 'any' | 'header' | 'body' | 'not-both';
  /** The accepted media types of a token request. */
  readonly requestFormat: 'any' | 'json' | 'form';
  /** The integrator's header `ACCESSTOKEN`, also at the API: refused with 2032 when absent and 2036 when wrong, or not looked at. */
  readonly accessTokenKey: 'ignored' | { readonly required: string };
  /** The refresh token in the answer to a refresh. `'rotate'`: the old one dies, and using it again ends the connection. */
  readonly refresh: 'new' | 'same' | 'omitted' | 'rotate';
  /**
   * How a refresh token that is no good any more is answered: in OAuth's word, or with this number as HTTP status and in
   * the body, in the shape of `errorShape` (where that is OAuth's own, as `errorObject`: there is no name for it).
   */
  readonly deadGrantAs: 'invalid_grant' | 400 | 401 | 403;
  /** Milliseconds during which a rotated refresh token still gets the same successor again. @defaultValue 0 */
  readonly graceMs: number;
  /** The form of `expires_at`. `'past'` is the value of the provider's own sample, from 2022. */
  readonly expiresAt: 'seconds' | 'milliseconds' | 'string' | 'iso' | 'missing' | 'past';
  /** Seconds for which an access token works at the API, whatever `expiresAt` says. @defaultValue 3600 */
  readonly lifetimeSeconds: number;
  /** The token answer: its four fields at the top, or under `data` of `{"success":true,"data":{…}}`. */
  readonly envelope: 'flat' | 'data';
  /** PKCE (RFC 7636, S256): enforced once a challenge came, not looked at, or refused as an unknown parameter. */
  readonly pkce: 'enforced' | 'ignored' | 'refused';
  /** The body of every refusal at the token endpoint and the API. */
  readonly errorShape:
    | 'oauth'
    | 'errorObject'
    | 'errorStatus'
    | 'flat'
    | 'failedMessage'
    | 'failedCode'
    | 'failedError'
    | 'list'
    | 'array'
    | 'message'
    | 'numberedMessage'
    | 'text'
    | 'form'
    | 'encodedTwice'
    | 'foreignNumber'
    | 'html'
    | 'empty'
    | 'truncated'
    | 'scalar';
  /** The HTTP status of every refusal at the token endpoint and the API. */
  readonly errorStatus: 'matching' | 200 | 400 | 500;
}

/** The switches of a sandbox that was started without any. */
export const DEFAULT_SWITCHES: SandboxSwitches = Object.freeze({
  state: 'echo',
  refusal: 'error',
  credentials: 'any',
  requestFormat: 'any',
  accessTokenKey: 'ignored',
  refresh: 'new',
  deadGrantAs: 'invalid_grant',
  graceMs: 0,
  expiresAt: 'seconds',
  lifetimeSeconds: 3600,
  envelope: 'flat',
  pkce: 'enforced',
  errorShape: 'oauth',
  errorStatus: 'matching',
});

type Check = (value: unknown) => boolean;

const CHECKS: Readonly<Record<keyof SandboxSwitches, Check>> = {
  state: oneOf('echo', 'drop', 'alter'),
  refusal: oneOf('error', 'bare'),
  credentials: oneOf('any', 'header', 'body', 'not-both'),
  requestFormat: oneOf('any', 'json', 'form'),
  accessTokenKey: isAccessTokenRule,
  refresh: oneOf('new', 'same', 'omitted', 'rotate'),
  deadGrantAs: oneOf('invalid_grant', 400, 401, 403),
  graceMs: isNumberFrom(0),
  expiresAt: oneOf('seconds', 'milliseconds', 'string', 'iso', 'missing', 'past'),
  lifetimeSeconds: isNumberFrom(1),
  envelope: oneOf('flat', 'data'),
  pkce: oneOf('enforced', 'ignored', 'refused'),
  errorShape: oneOf(
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
  ),
  errorStatus: oneOf('matching', 200, 400, 500),
};

/**
 * Gives `current` with `changes` applied. A test that misspells a switch would silently test something else,
 * so unknown names and values are refused here too, not by the compiler only.
 * @throws TypeError that names the switch.
 */
export function changeSwitches(current: SandboxSwitches, changes: Partial<SandboxSwitches>): SandboxSwitches {
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(CHECKS, name)) throw new TypeError(`The sandbox has no switch "${name}".`);
    if (!CHECKS[name as keyof SandboxSwitches](value))
      throw new TypeError(`The sandbox's switch "${name}" cannot take this value.`);
  }
  return Object.freeze({ ...current, ...changes });
}

function oneOf(...values: readonly (string | number)[]): Check {
  return (value) => (values as readonly unknown[]).includes(value);
}

function isNumberFrom(least: number): Check {
  return (value) => typeof value === 'number' && Number.isFinite(value) && value >= least;
}

function isAccessTokenRule(value: unknown): boolean {
  if (value === 'ignored') return true;
  return (
    typeof value === 'object' &&
    value !== null &&
    'required' in value &&
    typeof value.required === 'string' &&
    value.required !== ''
  );
}
