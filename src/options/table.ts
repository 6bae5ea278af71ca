import type { Request } from 'express';
import { oneOf, only, type Read, type Row } from '../checks/table';
import {
  hasMethods,
  isCredential,
  isFreeParameter,
  isFreeSessionKey,
  isHeaderText,
  isMountPath,
  isPlainSecureUrl,
  isPrintable,
  isScope,
  isSecureUrl,
  isVisible,
  isWebOrigin,
  isWholeNumber,
} from '../checks/values';
import type { RenderError } from '../web/respond';
import type { ConnectEventListener } from '../errors/events';
import type { Anything } from '../base/anything';
import { isFields } from '../base/own';
import { agentFault, isAgent, type AgentFault } from '../checks/agent-fault';
import { API_BASE_URL, AUTHORIZE_URL, TOKEN_URL } from '../provider/token/endpoints';
import { DOCUMENTED_API_CODES } from '../provider/errors/error-table';
import type { ConnectionStore } from '../connections/connection-store';
import type { OwnerOf } from '../session/owners';
import type { RefreshLedger } from '../ledger/ledger';
import { MOST_TOMBSTONE_MS } from '../ledger/retention';
import { KEY_RING_HINT, readKeyRing } from '../session/seal';
import type { ConnectToken } from '../session/connect-token';
import type { ConnectAuthOptions } from './options';
import { CALLBACK_PATH, REDIRECT_URI_EXPECTED, redirectUriAdvice } from './redirect-uris';

/** One option of `connectAuth()`. */
interface Option extends Row {
  /** How the text of its environment variable is read; without it, no variable sets the option. */
  readonly env?: EnvKind;
}

/** How a text becomes a value. `word`: only a usable one is read; `text` is passed on, and connectAuth() judges it. */
export type EnvKind = 'text' | 'word' | 'flag' | 'number' | 'list' | 'urls' | 'keys';

const flag = only((value): value is boolean => typeof value === 'boolean');
const credential = only(isCredential);
const secureUrl = only(isSecureUrl);
const plainSecureUrl = only(isPlainSecureUrl);
const mountPath = only((value): value is string | false => value === false || isMountPath(value));
const sitePath = only((value): value is string => typeof value === 'string');
const number = (least: number, most: number): ((value: unknown) => number | undefined) =>
  only((value): value is number => isWholeNumber(value, least, most));

const URL_EXPECTED = 'an absolute https URL (http on loopback only) without fragment or user info';
const PLAIN_URL_EXPECTED = 'an absolute https URL (http on loopback only) without query, fragment or user info';
const SITE_PATH_EXPECTED =
  'a path of this site, or a URL on one of allowedOrigins, other than the routes of connectAuth()';
const FLAG_EXPECTED = 'true or false';
const CALLABLE_EXPECTED = 'a function';
const LEDGER_OPERATIONS = ['acquire', 'renew', 'settle', 'fail', 'revoke', 'once'];

const LEDGER_ADVICE =
  'pass one, such as redisLedger(): this connection store outlives the process, and with the default ledger two processes ' +
  'could present the same refresh token';
const KEYS_ADVICE = `connections needs keys to seal with: expected ${KEY_RING_HINT}`;

/** What to do about an agent that would weaken the verification of certificates. */
const AGENT_ADVICE: Readonly<Record<AgentFault, string>> = {
  unverified:
    'it switches certificate verification off: remove rejectUnauthorized: false, and pass ca for a private CA',
  identity:
    'it decides itself which host a certificate is for: remove checkServerIdentity, and pass ca for a private CA',
};

/**
 * Every option of `connectAuth()`: validation, messages, environment variables and the doctor's findings come from
 * here. The text that editors show is in {@link ConnectAuthOptions}.
 */
export const OPTIONS = {
  clientId: {
    read: credential,
    expected: 'a non-empty string without whitespace around it',
    advice: missingAdvice,
    elsewhere: ['clientID', 'client_id', 'consumerKey', 'key', 'id', 'appId'],
    isRequired: true,
    env: 'text',
  },
  clientSecret: {
    read: credential,
    expected: 'a non-empty string without newlines and without whitespace around it',
    advice: missingAdvice,
    elsewhere: ['client_secret', 'consumerSecret', 'secret', 'appSecret'],
    isRequired: true,
    env: 'text',
  },
  redirectUri: {
    read: (value: unknown) => listOf(Array.isArray(value) ? value : [value], isSecureUrl),
    expected: REDIRECT_URI_EXPECTED,
    advice: redirectUriAdvice,
    elsewhere: ['callbackURL', 'callbackUrl', 'callback', 'redirectURI', 'redirectURL', 'redirectUrl', 'redirect_uri'],
    isRequired: true,
    env: 'urls',
  },
  scope: {
    read: readScope,
    expected: 'a string or a list of strings of printable ASCII',
    elsewhere: ['scopes'],
    default: '*',
    env: 'text',
  },
  accessTokenKey: {
    read: only(isHeaderText),
    expected: 'a string of printable ASCII without whitespace around it',
    env: 'text',
  },
  clientAuthentication: {
    read: oneOf('header', 'body'),
    expected: "'header' or 'body'",
    elsewhere: ['authorizationMethod', 'tokenEndpointAuthMethod', 'token_endpoint_auth_method'],
    default: 'header',
    env: 'word',
  },
  requestFormat: {
    read: oneOf('json', 'form'),
    expected: "'json' or 'form'",
    elsewhere: ['bodyFormat'],
    default: 'json',
    env: 'word',
  },
  pkce: { read: flag, expected: FLAG_EXPECTED, default: true, env: 'flag' },
  allowMissingState: { read: flag, expected: FLAG_EXPECTED, default: false, env: 'flag' },
  issuer: { read: plainSecureUrl, expected: PLAIN_URL_EXPECTED, env: 'text' },
  authorizeUrl: {
    read: secureUrl,
    expected: URL_EXPECTED,
    elsewhere: ['authorizationURL', 'authorizationUrl', 'authorizeURL', 'authorize_url', 'authorizationEndpoint'],
    default: AUTHORIZE_URL,
    env: 'text',
  },
  tokenUrl: {
    read: secureUrl,
    expected: URL_EXPECTED,
    elsewhere: ['tokenURL', 'accessTokenUrl', 'access_url', 'tokenEndpoint'],
    default: TOKEN_URL,
    env: 'text',
  },
  apiBaseUrl: { read: plainSecureUrl, expected: PLAIN_URL_EXPECTED, default: API_BASE_URL, env: 'text' },
  authorizePath: {
    read: mountPath,
    expected: "false or a path that starts with '/', has no pattern characters and differs from callbackPath",
    default: '/connect/authorize',
  },
  callbackPath: {
    read: mountPath,
    expected: "false or a path that starts with '/' and has no pattern characters",
    default: CALLBACK_PATH,
  },
  disconnectPath: {
    read: mountPath,
    expected: "false or a path that starts with '/', has no pattern characters and differs from the other two",
    default: '/connect/disconnect',
  },
  afterConnect: {
    read: sitePath,
    expected: SITE_PATH_EXPECTED,
    default: '/',
    env: 'text',
    elsewhere: ['successRedirect', 'successReturnToOrRedirect', 'successUrl'],
  },
  afterDisconnect: { read: sitePath, expected: SITE_PATH_EXPECTED, default: '/', env: 'text' },
  allowedOrigins: {
    read: (value: unknown) => listOf(value, isWebOrigin),
    expected:
      'a list of exact origins such as https://app.example.com: https (http on loopback only), without path, wildcard or default port',
    default: Object.freeze([]),
    env: 'list',
  },
  refreshLeewaySeconds: { read: number(0, 3_600), expected: 'whole seconds, 0–3600', default: 60, env: 'number' },
  ledger: {
    read: readLedger,
    expected:
      'what memoryLedger(), redisLedger() or postgresLedger() returns, or an object with acquire, renew, settle, fail, revoke and once',
    advice: (value: unknown) => (value === undefined ? LEDGER_ADVICE : undefined),
  },
  owner: {
    read: only((value): value is OwnerOf => typeof value === 'function'),
    expected: 'a function (req) => id of the signed-in user, or undefined',
  },
  connections: {
    read: readConnections,
    expected:
      'what memoryConnections(), redisConnections() or postgresConnections() returns, or an object with load, save and remove',
  },
  encryptionKeys: {
    read: readKeyRing,
    expected: KEY_RING_HINT,
    advice: (value: unknown) => (value === undefined ? KEYS_ADVICE : undefined),
    env: 'keys',
  },
  timeoutMs: {
    read: number(100, 120_000),
    expected: 'whole milliseconds, 100–120000',
    default: 10_000,
    env: 'number',
  },
  maxApiAnswerBytes: {
    read: number(1_024, 104_857_600),
    expected: 'whole bytes, 1024–104857600',
    default: 1_048_576,
    env: 'number',
  },
  storeTimeoutMs: {
    read: number(100, 60_000),
    expected: 'whole milliseconds, 100–60000',
    default: 5_000,
    env: 'number',
  },
  pendingTtlMs: { read: number(100, 3_600_000), expected: 'whole milliseconds, 100–3600000', default: 600_000 },
  sessionTtlMs: { read: number(60_000, MOST_TOMBSTONE_MS), expected: 'whole milliseconds, 60000–34560000000' },
  agent: {
    read: only(isAgent),
    expected: 'an http.Agent or https.Agent that fits tokenUrl and apiBaseUrl',
    advice: agentAdvice,
  },
  sessionKey: {
    read: only(isFreeSessionKey),
    expected: 'an identifier that is not a member of a session',
    default: 'connectToken',
  },
  statusByApiCode: {
    read: readStatuses,
    expected: 'documented API codes with HTTP statuses 400–599',
    default: Object.freeze({}),
  },
  homeUrl: { read: sitePath, expected: SITE_PATH_EXPECTED, env: 'text' },
  renderErrors: { read: flag, expected: FLAG_EXPECTED, default: true },
  renderError: {
    elsewhere: ['failureRedirect', 'onError'],
    read: only((value): value is RenderError => typeof value === 'function'),
    expected: CALLABLE_EXPECTED,
  },
  onEvent: {
    read: only((value): value is ConnectEventListener => typeof value === 'function'),
    expected: CALLABLE_EXPECTED,
  },
  silent: { read: flag, expected: FLAG_EXPECTED, default: false },
  onConnect: {
    read: only((value): value is (req: Request, token: ConnectToken) => Anything => typeof value === 'function'),
    expected: CALLABLE_EXPECTED,
  },
  authorizeParams: {
    elsewhere: ['authorizationParams', 'custom_params', 'customParams'],
    read: readParameters,
    expected: 'plain text values under names that are not protocol parameters',
    default: Object.freeze({}),
  },
} as const satisfies Readonly<Record<keyof ConnectAuthOptions, Option>>;

/** The options as they are used, before they are combined. */
export type OptionValues = Read<typeof OPTIONS>;
export type OptionName = keyof ConnectAuthOptions;
export const OPTION_NAMES = Object.keys(OPTIONS) as readonly OptionName[];

function readScope(value: unknown): string | undefined {
  if (isScope(value)) return value;
  return listOf(value, isVisible)?.join(' ');
}

/** Copied before it is looked at: a member may be a getter. */
function listOf<Member>(
  value: unknown,
  isUsable: (member: unknown) => member is Member,
): readonly [Member, ...Member[]] | undefined {
  const list: readonly unknown[] = Array.isArray(value) ? Object.freeze(Array.from<unknown>(value)) : [];
  return list.length > 0 && list.every(isUsable) ? (list as readonly [Member, ...Member[]]) : undefined;
}

function readLedger(value: unknown): RefreshLedger | undefined {
  if (!hasMethods(value, LEDGER_OPERATIONS)) return undefined;
  const ledger = value as RefreshLedger;
  return ['function', 'undefined'].includes(typeof ledger.onForgotten) ? ledger : undefined;
}

function readConnections(value: unknown): ConnectionStore | undefined {
  if (!hasMethods(value, ['load', 'save', 'remove'])) return undefined;
  const { encryptionKeys } = value as ConnectionStore;
  const isUsable = encryptionKeys === undefined || readKeyRing(encryptionKeys) !== undefined;
  return isUsable ? (value as ConnectionStore) : undefined;
}

function agentAdvice(value: unknown): string | undefined {
  const fault = agentFault(value);
  return fault === undefined ? undefined : AGENT_ADVICE[fault];
}

const API_CODES: ReadonlySet<string> = new Set(DOCUMENTED_API_CODES.map(String));

function readStatuses(value: unknown): Readonly<Record<string, number>> | undefined {
  return copyOf(value, (status, code): status is number => API_CODES.has(code) && isWholeNumber(status, 400, 599));
}

function readParameters(value: unknown): Readonly<Record<string, string>> | undefined {
  return copyOf(value, (text, name): text is string => isFreeParameter(name) && isPrintable(text));
}

function missingAdvice(value: unknown): string | undefined {
  return value === undefined ? 'it is missing: give it as registered with the provider' : undefined;
}

/**
 * A Map or URLSearchParams has no own members: everything in it would be lost. An own `__proto__`, as JSON.parse makes
 * it, would become the prototype of a later copy.
 */
function copyOf<Value>(
  value: unknown,
  isUsable: (member: unknown, name: string) => member is Value,
): Readonly<Record<string, Value>> | undefined {
  if (!isFields(value) || Object.prototype.toString.call(value) !== '[object Object]') return undefined;
  const copy = Object.entries(value).filter((entry): entry is [string, Value] => isUsable(entry[1], entry[0]));
  const isWhole = copy.length === Object.keys(value).length && !Object.hasOwn(value, '__proto__');
  return isWhole ? Object.freeze(Object.fromEntries(copy)) : undefined;
}
