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

/**
 * What an app passes to `connectAuth()`. If anything in it is not usable, all of it is refused and every fault is
 * named.
 */
export interface ConnectAuthOptions {
  /** As registered with the provider. */
  readonly clientId: string;
  /** As registered with the provider. */
  readonly clientSecret: string;
  /**
   * As registered; absolute, https except on loopback; its path must end with `callbackPath`. For an app under several
   * hosts, a list: one for each host, all with the same path. The one for the request's host is used, else the first.
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
   * The provider's issuer identifier (RFC 9207). When it is set, a callback with a different `iss` is refused; one
   * without `iss` is accepted, because the provider does not document whether it sends it.
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
  /**
   * Where a sign-in without `returnTo` leads: a path of this site, or a URL on one of `allowedOrigins`.
   * @defaultValue `'/'`
   */
  readonly afterConnect?: string | undefined;
  /** Where a disconnect by a form leads; as `afterConnect`. @defaultValue `'/'` */
  readonly afterDisconnect?: string | undefined;
  /**
   * Other origins with pages of your app, for example of a single-page app on its own subdomain: they may disconnect,
   * and `returnTo`, `afterConnect` and `afterDisconnect` may lead there. Exactly as browsers write an origin, https
   * except on loopback, no wildcard. Anybody who controls a page there can disconnect your visitors. @defaultValue none
   */
  readonly allowedOrigins?: readonly string[] | undefined;
  /**
   * How many seconds before its expiry a token is refreshed, 0–3600; at most 20 % of the token's lifetime.
   * @defaultValue `60`
   */
  readonly refreshLeewaySeconds?: number | undefined;
  /**
   * Coordinates refreshes; for several processes `redisLedger()` of `express-connect-auth/redis` or `postgresLedger()`
   * of `express-connect-auth/postgres`. @defaultValue `memoryLedger()`
   */
  readonly ledger?: RefreshLedger | undefined;
  /**
   * Whose connection a request is about: your signed-in user, by an id that never changes. The user is then connected
   * on every device, and `connect.of()` acts for them without a request. Synchronous; `undefined`: nobody is signed in,
   * and the connection belongs to this session only. Mount connectAuth() after your login.
   * @defaultValue requests belong to no user
   * @example owner: (req) => req.user?.id
   */
  readonly owner?: OwnerOf | undefined;
  /**
   * Keeps the connections of users: `redisConnections()` of `express-connect-auth/redis`, `postgresConnections()` of
   * `express-connect-auth/postgres`, or your own store. One that outlives the process also needs `ledger`.
   * @defaultValue `memoryConnections()` where `owner` is given
   * @example connections: redisConnections({ sendCommand: (...args) => redis.sendCommand(args), encryptionKeys })
   */
  readonly connections?: ConnectionStore | undefined;
  /**
   * Seals the token in the session store (AES-256-GCM): the first key seals, all of them open. `req.session` shows it
   * plain.
   */
  readonly encryptionKeys?: readonly EncryptionKey[] | undefined;
  /**
   * Milliseconds for one code exchange or API call, up to the end of the answer; 100–120000. A refresh has 60 s.
   * @defaultValue `10000`
   */
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
   * Milliseconds that your session store keeps an unused session, if that is not the `maxAge` of its cookie; where it
   * varies, the longest. 60000–34560000000 (400 days). The ledger keeps its records and the marks of ended connections
   * for that long plus a day. @defaultValue the `maxAge` of each session's cookie
   */
  readonly sessionTtlMs?: number | undefined;
  /**
   * For provider calls through a corporate proxy or with a private CA. Verification cannot be switched off. Each call
   * uses its own connection, whatever `keepAlive` says.
   */
  readonly agent?: http.Agent | undefined;
  /** Session property of the token, for two instances on one app. @defaultValue `'connectToken'` */
  readonly sessionKey?: string | undefined;
  /**
   * HTTP status (400–599) per documented API code, in place of the default one: at sign-in, at refresh and on API
   * calls.
   */
  readonly statusByApiCode?: Readonly<Record<string | number, number>> | undefined;
  /**
   * A page of this site, or of one of `allowedOrigins`; error pages without another link show a link to it.
   * @defaultValue no link
   */
  readonly homeUrl?: string | undefined;
  /** `false`: failures of the routes of connectAuth() go to the app's own error middleware. @defaultValue `true` */
  readonly renderErrors?: boolean | undefined;
  /** Answers a failed request to the routes of connectAuth() in the app's own look. */
  readonly renderError?: RenderError | undefined;
  /** Called with each event; never gets a token. What it throws changes nothing. */
  readonly onEvent?: ConnectEventListener | undefined;
  /**
   * `true`: nothing is written to stderr. Otherwise, without `onEvent`, errors that only the operator can fix (status
   * 500) are written there, each message at most once a minute. @defaultValue `false`
   */
  readonly silent?: boolean | undefined;
  /**
   * Awaited before the token enters the session; throwing refuses the sign-in (403 `ERR_CONNECT_DENIED`, or your own
   * ConnectError). What it writes to `req.session` is kept. There is no time limit: the visitor waits until it settles.
   */
  readonly onConnect?: ((req: Request, token: ConnectToken) => Anything) | undefined;
  /** Static extra parameters of the authorization request; cannot replace protocol parameters. */
  readonly authorizeParams?: Readonly<Record<string, string>> | undefined;
}
