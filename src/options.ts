import type * as http from 'node:http';
import Joi from 'joi';
import type { Request } from 'express';
import type { RenderError } from './error-handler';
import type { ConnectEventListener } from './events';
import { refuseOptions } from './option-faults';
import { publicPaths, publicPrefix, relationFaults } from './option-relations';
import {
  VISIBLE,
  agentLike,
  callable,
  credential,
  headerText,
  isFreeParameter,
  isFreeSessionKey,
  keyRing,
  ledgerLike,
  mountPath,
  plainSecureUrl,
  secureUrl,
  string,
  webOrigin,
  wholeNumber,
} from './option-values';
import { own, ownOnly } from './own';
import { agentFault } from './provider/agent-fault';
import { API_BASE_URL, AUTHORIZE_URL, TOKEN_URL } from './provider/endpoints';
import { DOCUMENTED_API_CODES } from './provider/error-table';
import { MOST_TOMBSTONE_MS } from './refresh/retention';
import { safeReturnTo } from './return-to';
import type { RefreshLedger } from './refresh/ledger';
import type { EncryptionKey, KeyRing } from './seal';
import type { ConnectToken } from './token';

/** What an app passes to `connectAuth()`. Refused whole, with every fault named, when anything in it is not usable. */
export interface ConnectAuthOptions {
  /** As registered with the provider. */
  readonly clientId: string;
  /** As registered with the provider. */
  readonly clientSecret: string;
  /** As registered; absolute, https except on loopback; its path must end with `callbackPath`. */
  readonly redirectUri: string;
  /** One string or a list, joined by spaces. @defaultValue `'*'` (page "build-authorization-url") */
  readonly scope?: string | readonly string[] | undefined;
  /** Your own developer key; sent to the token endpoint and the API as header `ACCESSTOKEN` when set. */
  readonly accessTokenKey?: string | undefined;
  /** `'header'`: HTTP Basic; `'body'`: in the request body. Never both. @defaultValue `'header'` */
  readonly clientAuthentication?: 'header' | 'body' | undefined;
  /** Format of the token request. @defaultValue `'json'` */
  readonly requestFormat?: 'json' | 'form' | undefined;
  /** PKCE with S256 (RFC 7636). @defaultValue `true` */
  readonly pkce?: boolean | undefined;
  /**
   * For a server that does not return `state`: accept a callback without one while exactly one sign-in is pending.
   * Weaker against login CSRF. @defaultValue `false`
   */
  readonly allowMissingState?: boolean | undefined;
  /**
   * The provider's issuer identifier (RFC 9207). When it is set, a callback whose `iss` is another is refused; one without
   * `iss` is accepted, because the provider does not say whether it sends it.
   */
  readonly issuer?: string | undefined;
  /** https except on loopback; an existing query is kept. @defaultValue the provider's */
  readonly authorizeUrl?: string | undefined;
  /** https except on loopback. @defaultValue the provider's */
  readonly tokenUrl?: string | undefined;
  /** Base address of the Connect API; https except on loopback. @defaultValue the provider's */
  readonly apiBaseUrl?: string | undefined;
  /** Relative to the mount; `false`: not mounted. @defaultValue `'/connect/authorize'` */
  readonly authorizePath?: string | false | undefined;
  /** Relative to the mount; `false`: not mounted. @defaultValue `'/connect/callback'` */
  readonly callbackPath?: string | false | undefined;
  /** Relative to the mount; `false`: not mounted. @defaultValue `'/connect/disconnect'` */
  readonly disconnectPath?: string | false | undefined;
  /** Where to land when no `returnTo` was given: a path of this site, or a URL on one of `allowedOrigins`. @defaultValue `'/'` */
  readonly afterConnect?: string | undefined;
  /** Where to land after a form has disconnected; as `afterConnect`. @defaultValue `'/'` */
  readonly afterDisconnect?: string | undefined;
  /**
   * Other origins whose pages are yours, for a single-page app on a subdomain of its own: they may disconnect, and
   * `returnTo`, `afterConnect` and `afterDisconnect` may lead there. Exactly as browsers write an origin, https except on
   * loopback, no wildcard. Whoever controls a page there can disconnect your visitors. @defaultValue none
   */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * Seconds before its expiry at which a token is refreshed, 0–3600; at most 20 % of the token's lifetime is used.
   * @defaultValue `60`
   */
  readonly refreshLeewaySeconds?: number | undefined;
  /** Refresh coordination; `redisLedger()` of `express-connect-auth/redis` for several processes. @defaultValue `memoryLedger()` */
  readonly ledger?: RefreshLedger | undefined;
  /** Seals the token in the session store (AES-256-GCM): the first key seals, all open. Readers of `req.session` see it plain. */
  readonly encryptionKeys?: readonly EncryptionKey[] | undefined;
  /** Milliseconds for one code exchange or API call, its whole answer included; 100–120000. A refresh has 60 s. @defaultValue `10000` */
  readonly timeoutMs?: number | undefined;
  /**
   * Bytes of one API answer, 1024–104857600; a longer one is `ERR_CONNECT_RESPONSE` with reason `too_large`.
   * @defaultValue `1048576` (1 MiB)
   */
  readonly maxApiAnswerBytes?: number | undefined;
  /** Milliseconds for one session store operation; 100–60000. @defaultValue `5000` */
  readonly storeTimeoutMs?: number | undefined;
  /** Milliseconds that a started sign-in stays valid; 100–3600000. @defaultValue `600000` */
  readonly pendingTtlMs?: number | undefined;
  /**
   * Milliseconds that your session store keeps a session which nobody uses, where that is not the `maxAge` of its cookie, or
   * the longest that your app ever gives one; 60000–34560000000 (400 days). The ledger keeps its records and the marks of
   * ended connections for so long and a day. @defaultValue the `maxAge` of each session's cookie
   */
  readonly sessionTtlMs?: number | undefined;
  /** For provider calls through a corporate proxy or with a private CA. Verification cannot be switched off. */
  readonly agent?: http.Agent | undefined;
  /** Session property of the token, for two instances on one app. @defaultValue `'connectToken'` */
  readonly sessionKey?: string | undefined;
  /** HTTP status (400–599) per documented API code, instead of the table's: at sign-in, at refresh and on API calls. */
  readonly statusByApiCode?: Readonly<Record<string | number, number>> | undefined;
  /** `false`: failures of our routes go to the app's own error middleware. @defaultValue `true` */
  readonly renderErrors?: boolean | undefined;
  /** Answers a failed request of our routes in the app's own look. */
  readonly renderError?: RenderError | undefined;
  /** Told what happens; never gets a token. What it throws changes nothing. */
  readonly onEvent?: ConnectEventListener | undefined;
  /**
   * Awaited before the token enters the session; throwing refuses the sign-in (403 `ERR_CONNECT_DENIED`, or your own
   * ConnectError). What it writes to `req.session` is kept. Not bounded: one that never settles holds the visitor.
   */
  readonly onConnect?: ((req: Request, token: ConnectToken) => void | Promise<void>) | undefined;
  /** Static extra parameters of the authorization request; cannot replace protocol parameters. */
  readonly authorizeParams?: Readonly<Record<string, string>> | undefined;
}

/** The validated options, with defaults, frozen. */
export interface Config {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string;
  readonly scope: string;
  readonly accessTokenKey?: string | undefined;
  readonly clientAuthentication: 'header' | 'body';
  readonly requestFormat: 'json' | 'form';
  readonly pkce: boolean;
  readonly allowMissingState: boolean;
  readonly issuer?: string | undefined;
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  readonly apiBaseUrl: string;
  readonly authorizePath: string | false;
  readonly callbackPath: string | false;
  readonly disconnectPath: string | false;
  readonly afterConnect: string;
  readonly afterDisconnect: string;
  readonly allowedOrigins: readonly string[];
  readonly refreshLeewaySeconds: number;
  readonly ledger?: RefreshLedger | undefined;
  readonly encryptionKeys?: KeyRing | undefined;
  readonly timeoutMs: number;
  readonly maxApiAnswerBytes: number;
  readonly storeTimeoutMs: number;
  readonly pendingTtlMs: number;
  readonly sessionTtlMs?: number | undefined;
  readonly agent?: http.Agent | undefined;
  readonly sessionKey: string;
  readonly statusByApiCode: Readonly<Record<string, number>>;
  readonly renderErrors: boolean;
  readonly renderError?: RenderError | undefined;
  readonly onEvent?: ConnectEventListener | undefined;
  readonly onConnect?: ((req: Request, token: ConnectToken) => void | Promise<void>) | undefined;
  readonly authorizeParams: Readonly<Record<string, string>>;
  /** Where a visitor starts to sign in, as browsers see it; undefined when we do not mount it. */
  readonly loginUrl?: string | undefined;
  /** Our own routes as browsers see them. */
  readonly ownPaths: readonly string[];
}

const apiCodes = DOCUMENTED_API_CODES.map(String);

const schema = Joi.object({
  clientId: credential.required(),
  clientSecret: credential.required(),
  redirectUri: secureUrl.required(),
  scope: Joi.alternatives(
    string((value) => /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/u.test(value)),
    Joi.array()
      .items(string((value) => VISIBLE.test(value)))
      .min(1),
  ).default('*'),
  accessTokenKey: headerText,
  clientAuthentication: Joi.valid('header', 'body').default('header'),
  requestFormat: Joi.valid('json', 'form').default('json'),
  pkce: Joi.boolean().strict().default(true),
  allowMissingState: Joi.boolean().strict().default(false),
  issuer: plainSecureUrl,
  authorizeUrl: secureUrl.default(AUTHORIZE_URL),
  tokenUrl: secureUrl.default(TOKEN_URL),
  apiBaseUrl: plainSecureUrl.default(API_BASE_URL),
  authorizePath: mountPath.default('/connect/authorize'),
  callbackPath: mountPath.default('/connect/callback'),
  disconnectPath: mountPath.default('/connect/disconnect'),
  afterConnect: Joi.string().default('/'),
  afterDisconnect: Joi.string().default('/'),
  allowedOrigins: Joi.array().items(webOrigin).min(1).default([]),
  refreshLeewaySeconds: wholeNumber(0, 3_600).default(60),
  ledger: ledgerLike,
  encryptionKeys: keyRing,
  timeoutMs: wholeNumber(100, 120_000).default(10_000),
  maxApiAnswerBytes: wholeNumber(1_024, 104_857_600).default(1_048_576),
  storeTimeoutMs: wholeNumber(100, 60_000).default(5_000),
  pendingTtlMs: wholeNumber(100, 3_600_000).default(600_000),
  sessionTtlMs: wholeNumber(60_000, MOST_TOMBSTONE_MS),
  agent: agentLike,
  sessionKey: string(isFreeSessionKey).default('connectToken'),
  statusByApiCode: Joi.object()
    .pattern(Joi.valid(...apiCodes), wholeNumber(400, 599))
    .default({}),
  renderErrors: Joi.boolean().strict().default(true),
  renderError: callable,
  onEvent: callable,
  onConnect: callable,
  authorizeParams: Joi.object()
    .pattern(
      string(isFreeParameter),
      string((value) => /^[\x20-\x7e]+$/u.test(value)),
    )
    .default({}),
}).required();

/**
 * Validates the options of `connectAuth()` and gives a frozen copy with defaults.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every bad option, never a value
 */
export function readOptions(options: unknown): Config {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    refuseOptions(['clientId', 'clientSecret', 'redirectUri']);
  }
  // A shallow copy of what is set: an explicit undefined means "not given".
  const given = ownOnly(Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)));
  // Joi clones what it validates, and a clone would lose an agent's sockets or a ledger's memory: checked, then passed on.
  const { agent, ledger } = given as { agent?: http.Agent; ledger?: RefreshLedger };
  const result = schema.validate(given, { abortEarly: false, convert: false });
  const bad = (result.error?.details ?? []).map((fault) => String(fault.path[0]));
  bad.push(...prototypeFaults(given));
  const config = (
    result.error === undefined ? withDefaults(given, result.value as object) : given
  ) as Partial<RawConfig>;
  const refused = [...bad, ...relationFaults(config, new Set(bad))];
  if (refused.length > 0) refuseOptions(refused, { agent: agentFault(agent) });
  return complete(config as RawConfig, { agent, ledger });
}

const NAMES = Object.keys(schema.describe().keys as object);
/** As Joi gives them when this module is loaded: later a polluted Object.prototype may make it find others. */
const DEFAULTS = ownOnly(
  schema.validate({ clientId: 'id', clientSecret: 'secret', redirectUri: 'https://site.example/' }).value as object,
);

/** Every option as a member of its own, undefined where there is none, so that no later reader looks further. */
function withDefaults(given: object, validated: object): object {
  return Object.fromEntries(
    NAMES.map((name) => [name, own(given, name) === undefined ? own(DEFAULTS, name) : own(validated, name)]),
  );
}

/** Joi never sees an own `__proto__` (as JSON.parse makes it): its copy of the object has it as prototype. */
function prototypeFaults(given: Readonly<Record<string, unknown>>): string[] {
  const holders = Object.entries(given).filter(
    ([, value]) => typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__'),
  );
  return [...holders.map(([name]) => name), ...(Object.hasOwn(given, '__proto__') ? ['__proto__'] : [])];
}

type RawConfig = Omit<Config, 'scope' | 'loginUrl' | 'ownPaths'> & { readonly scope: string | readonly string[] };

function complete(raw: RawConfig, asGiven: Pick<Config, 'agent' | 'ledger'>): Config {
  const config = {
    ...raw,
    scope: typeof raw.scope === 'string' ? raw.scope : raw.scope.join(' '),
    statusByApiCode: Object.freeze({ ...raw.statusByApiCode }),
    authorizeParams: Object.freeze({ ...raw.authorizeParams }),
    allowedOrigins: Object.freeze([...raw.allowedOrigins]),
    ownPaths: Object.freeze(publicPaths(raw)),
    loginUrl: raw.authorizePath === false ? undefined : publicPrefix(raw) + raw.authorizePath,
    ...asGiven,
  };
  return Object.freeze({
    ...config,
    afterConnect: safeReturnTo(config.afterConnect, config) ?? '/',
    afterDisconnect: safeReturnTo(config.afterDisconnect, config) ?? '/',
  });
}
