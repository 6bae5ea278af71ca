import type * as http from 'node:http';
import type { Request } from 'express';
import type { Anything } from '../base/anything';
import type { RenderError } from '../web/respond';
import type { ConnectEventListener } from '../errors/events';
import type { RefreshLedger } from '../ledger/ledger';
import type { ConnectionStore } from '../connections/connection-store';
import type { OwnerOf } from '../session/owners';
import type { EncryptionKey } from '../session/seal';
import type { ConnectToken } from '../session/connect-token';

/** What an app passes to `connectAuth()`. Refused whole, with every fault named, when anything in it is not usable. */
export interface ConnectAuthOptions {
  /** As registered with the provider. */
  readonly clientId: string;
  /** As registered with the provider. */
  readonly clientSecret: string;
  /**
   * As registered; absolute, https except on loopback; its path must end with `callbackPath`. For an app under several
   * hosts a list, one for each host and all with the same path: that of the request's host is used, else the first.
   * @example redirectUri: ['https://shop.example/connect/callback', 'https://club.example/connect/callback']
   */
  readonly redirectUri: string | readonly string[];
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
  /**
   * Refresh coordination; for several processes `redisLedger()` of `express-connect-auth/redis` or `postgresLedger()` of
   * `express-connect-auth/postgres`. @defaultValue `memoryLedger()`
   */
  readonly ledger?: RefreshLedger | undefined;
  /**
   * Whose connection a request is about: your signed-in user, by whatever you know them by for good. Then a user is connected
   * on every device, and `connect.of()` acts for them without a request. Synchronous; `undefined`: nobody is signed in, and the
   * connection is this session's only. Mount connectAuth() after your login.
   * @defaultValue requests are about nobody
   * @example owner: (req) => req.user?.id
   */
  readonly owner?: OwnerOf | undefined;
  /**
   * Keeps the connections of users: `redisConnections()` of `express-connect-auth/redis`, `postgresConnections()` of
   * `express-connect-auth/postgres`, or a store of your own. One that outlives the process needs `ledger`, too. @defaultValue `memoryConnections()` where `owner` is given
   * @example connections: redisConnections({ sendCommand: (...args) => redis.sendCommand(args), encryptionKeys })
   */
  readonly connections?: ConnectionStore | undefined;
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
  /**
   * For provider calls through a corporate proxy or with a private CA. Verification cannot be switched off. Each call has
   * a connection of its own, whatever `keepAlive` says.
   */
  readonly agent?: http.Agent | undefined;
  /** Session property of the token, for two instances on one app. @defaultValue `'connectToken'` */
  readonly sessionKey?: string | undefined;
  /** HTTP status (400–599) per documented API code, instead of the table's: at sign-in, at refresh and on API calls. */
  readonly statusByApiCode?: Readonly<Record<string | number, number>> | undefined;
  /**
   * A page of this site, or of one of `allowedOrigins`, that is linked on error pages which offer nothing else.
   * @defaultValue no link
   */
  readonly homeUrl?: string | undefined;
  /** `false`: failures of our routes go to the app's own error middleware. @defaultValue `true` */
  readonly renderErrors?: boolean | undefined;
  /** Answers a failed request of our routes in the app's own look. */
  readonly renderError?: RenderError | undefined;
  /** Called with what happens; never gets a token. What it throws changes nothing. */
  readonly onEvent?: ConnectEventListener | undefined;
  /**
   * `true`: nothing is written to stderr. Otherwise, where there is no `onEvent`, errors that only the operator can mend
   * (status 500) are written there, each message at most once a minute. @defaultValue `false`
   */
  readonly silent?: boolean | undefined;
  /**
   * Awaited before the token enters the session; throwing refuses the sign-in (403 `ERR_CONNECT_DENIED`, or your own
   * ConnectError). What it writes to `req.session` is kept. Not bounded: one that never settles holds the visitor.
   */
  readonly onConnect?: ((req: Request, token: ConnectToken) => Anything) | undefined;
  /** Static extra parameters of the authorization request; cannot replace protocol parameters. */
  readonly authorizeParams?: Readonly<Record<string, string>> | undefined;
}
