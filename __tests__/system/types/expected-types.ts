// The public types as users rely on them. Compiled by types.test.ts and by `npm run typecheck`; never run.
import type * as http from 'node:http';
import type { AxiosInstance } from 'axios';
import { expectTypeOf } from 'expect-type';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Router } from 'express';
import type { SessionData } from 'express-session';
import {
  connectAuth,
  connectErrorHandler,
  connectOptionsFromEnv,
  isConnectError,
  memoryConnections,
  memoryLedger,
  recordLedger,
  type AdoptedEvent,
  type ApiCallEvent,
  type ConnectAccount,
  type ConnectAuth,
  type OwnerOf,
  type ConnectAuthOptions,
  type ConnectClient,
  type ConnectErrorMiddleware,
  type ConnectHandler,
  ConnectError,
  type ConnectErrorCode,
  type ConnectErrorReason,
  type KnownConnectError,
  type ConnectEvent,
  type ConnectEventListener,
  type ConnectStage,
  type ConnectToken,
  type ConnectionStore,
  type ConnectedEvent,
  type DisconnectedEvent,
  type EndedEvent,
  type EncryptionKey,
  type ErrorEvent,
  type ExchangeEvent,
  type GetToken,
  type LedgerErrorEvent,
  type LedgerForgotEvent,
  type ProviderSign,
  type RefreshFailedEvent,
  type RefreshFailureKind,
  type RefreshLedger,
  type RefreshedEvent,
  type RenderError,
  type RequireConnectOptions,
  type TokenRequest,
} from 'express-connect-auth';
import {
  redisConnections,
  redisLedger,
  type RedisConnectionsOptions,
  type RedisLedgerOptions,
} from 'express-connect-auth/redis';
import {
  connectionStoreConformance,
  ledgerConformance,
  startSandbox,
  type Sandbox,
  type SandboxOptions,
  type SandboxSwitches,
} from 'express-connect-auth/testing';

type RequiredKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T];

declare const app: Express;
declare const req: Request;
declare const sandbox: Sandbox;
declare const connect: ConnectAuth;
declare const something: unknown;
declare const readText: (key: string) => Promise<string | undefined>;

// Options: three are required; each takes undefined as "not set"; none is written to.
expectTypeOf<RequiredKeys<ConnectAuthOptions>>().toEqualTypeOf<'clientId' | 'clientSecret' | 'redirectUri'>();
expectTypeOf<ConnectAuthOptions>().toEqualTypeOf<{
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUri: string | readonly string[];
  readonly scope?: string | readonly string[] | undefined;
  readonly accessTokenKey?: string | undefined;
  readonly clientAuthentication?: 'header' | 'body' | undefined;
  readonly requestFormat?: 'json' | 'form' | undefined;
  readonly pkce?: boolean | undefined;
  readonly allowMissingState?: boolean | undefined;
  readonly issuer?: string | undefined;
  readonly authorizeUrl?: string | undefined;
  readonly tokenUrl?: string | undefined;
  readonly apiBaseUrl?: string | undefined;
  readonly authorizePath?: string | false | undefined;
  readonly callbackPath?: string | false | undefined;
  readonly disconnectPath?: string | false | undefined;
  readonly afterConnect?: string | undefined;
  readonly afterDisconnect?: string | undefined;
  readonly allowedOrigins?: readonly string[] | undefined;
  readonly refreshLeewaySeconds?: number | undefined;
  readonly ledger?: RefreshLedger | undefined;
  readonly encryptionKeys?: readonly EncryptionKey[] | undefined;
  readonly timeoutMs?: number | undefined;
  readonly maxApiAnswerBytes?: number | undefined;
  readonly storeTimeoutMs?: number | undefined;
  readonly pendingTtlMs?: number | undefined;
  readonly sessionTtlMs?: number | undefined;
  readonly agent?: http.Agent | undefined;
  readonly sessionKey?: string | undefined;
  readonly statusByApiCode?: Readonly<Record<string | number, number>> | undefined;
  readonly homeUrl?: string | undefined;
  readonly renderErrors?: boolean | undefined;
  readonly renderError?: RenderError | undefined;
  readonly onEvent?: ConnectEventListener | undefined;
  readonly silent?: boolean | undefined;
  // eslint-disable-next-line @typescript-eslint/no-generated-empty-object-type -- anything
  readonly onConnect?: ((req: Request, token: ConnectToken) => ReturnType<RenderError>) | undefined;
  readonly authorizeParams?: Readonly<Record<string, string>> | undefined;
  readonly owner?: OwnerOf | undefined;
  readonly connections?: ConnectionStore | undefined;
}>();
expectTypeOf<OwnerOf>().toEqualTypeOf<(req: Request) => string | number | undefined>();
expectTypeOf(connectAuth).parameters.toEqualTypeOf<[options: ConnectAuthOptions]>();
expectTypeOf(connectAuth).returns.toEqualTypeOf<ConnectAuth>();
expectTypeOf(connectOptionsFromEnv).returns.toEqualTypeOf<ConnectAuthOptions>();
expectTypeOf(connectOptionsFromEnv).toBeCallableWith(process.env);
expectTypeOf<EncryptionKey>().toEqualTypeOf<{ readonly id: string; readonly secret: string }>();

// The middleware and its members.
expectTypeOf<ConnectAuth>().toExtend<Router>();
type OwnKeys = Exclude<keyof ConnectAuth, keyof Router>;
expectTypeOf<OwnKeys>().toEqualTypeOf<
  'authorize' | 'callback' | 'disconnect' | 'requireConnect' | 'getToken' | 'client' | 'of' | 'errorHandler' | 'close'
>();
expectTypeOf<ConnectAuth['authorize' | 'callback' | 'disconnect']>().toEqualTypeOf<ConnectHandler>();
expectTypeOf<ConnectHandler>().toExtend<RequestHandler>();
expectTypeOf<ConnectAuth['requireConnect']>().toEqualTypeOf<(options?: RequireConnectOptions) => ConnectHandler>();
expectTypeOf<ConnectAuth['getToken']>().toEqualTypeOf<GetToken>();
expectTypeOf<ConnectAuth['of']>().toEqualTypeOf<(owner: string | number) => ConnectAccount>();
expectTypeOf<ConnectAuth['client']>().toEqualTypeOf<(req: Request) => ConnectClient>();
expectTypeOf<ConnectAuth['errorHandler']>().toEqualTypeOf<() => ConnectErrorMiddleware>();
expectTypeOf<ConnectAuth['close']>().toEqualTypeOf<() => Promise<void>>();
expectTypeOf<Pick<ConnectAuth, OwnKeys>>().toEqualTypeOf<Readonly<Pick<ConnectAuth, OwnKeys>>>();
expectTypeOf<GetToken>().toEqualTypeOf<(req: Request, ask?: TokenRequest) => Promise<ConnectToken>>();
expectTypeOf<TokenRequest>().toEqualTypeOf<{ readonly refused?: string | undefined }>();
expectTypeOf<ConnectClient>().toExtend<AxiosInstance>();
expectTypeOf<RequireConnectOptions>().toEqualTypeOf<{
  readonly onMissing?: 'auto' | 'redirect' | 'error' | undefined;
  readonly loginUrl?: string | undefined;
}>();
expectTypeOf(connectErrorHandler).returns.toEqualTypeOf<ConnectErrorMiddleware>();
expectTypeOf<ConnectErrorMiddleware>().toExtend<ErrorRequestHandler>();
app
  .use(connect)
  .use('/sub', connect)
  .get('/mine', connect.requireConnect(), () => undefined)
  .use(connectErrorHandler());

// What a session holds.
expectTypeOf<ConnectToken>().toEqualTypeOf<{
  access_token: string;
  refresh_token?: string;
  expires_at?: number;
  type: 'bearer';
  scope?: string;
  connection?: string;
}>();
expectTypeOf<SessionData['connectToken']>().toEqualTypeOf<ConnectToken | undefined>();
expectTypeOf<SessionData>().not.toHaveProperty('connectLineage');
expectTypeOf(req.session.connectToken).toEqualTypeOf<ConnectToken | undefined>();

// Events are told apart by `type`.
expectTypeOf<ConnectEvent['type']>().toEqualTypeOf<
  | 'exchange'
  | 'api_call'
  | 'connected'
  | 'refreshed'
  | 'adopted'
  | 'refresh_failed'
  | 'disconnected'
  | 'ended'
  | 'ledger_error'
  | 'ledger_forgot'
  | 'error'
>();
expectTypeOf<RefreshFailureKind>().toEqualTypeOf<
  'ambiguous' | 'not_sent' | 'transient' | 'terminal' | 'configuration' | 'refused'
>();

declare function nothing(left: never): never;

/** Every type narrows to its own event, and nothing is left over. */
export function narrowed(event: ConnectEvent): string | number {
  expectTypeOf(event.time).toEqualTypeOf<number>();
  expectTypeOf(event.connection).toEqualTypeOf<string | undefined>();
  expectTypeOf(event.reference).toEqualTypeOf<string | undefined>();
  switch (event.type) {
    case 'exchange':
      expectTypeOf(event).toEqualTypeOf<ExchangeEvent>();
      expectTypeOf(event.code).toEqualTypeOf<ConnectErrorCode | undefined>();
      return event.durationMs;
    case 'api_call':
      expectTypeOf(event).toEqualTypeOf<ApiCallEvent>();
      expectTypeOf(event.status).toEqualTypeOf<number | undefined>();
      return event.method;
    case 'connected':
      expectTypeOf(event).toEqualTypeOf<ConnectedEvent>();
      return event.connection;
    case 'refreshed':
      expectTypeOf(event).toEqualTypeOf<RefreshedEvent>();
      return event.durationMs;
    case 'adopted':
      expectTypeOf(event).toEqualTypeOf<AdoptedEvent>();
      return event.generation;
    case 'refresh_failed':
      expectTypeOf(event).toEqualTypeOf<RefreshFailedEvent>();
      return event.kind;
    case 'ended':
      expectTypeOf(event).toEqualTypeOf<EndedEvent>();
      expectTypeOf(event.reason).toEqualTypeOf<
        'invalid_grant' | 'lost_response' | 'refused' | 'disconnected' | 'replaced'
      >();
      return event.reason;
    case 'disconnected':
      expectTypeOf(event).toEqualTypeOf<DisconnectedEvent>();
      return event.connection;
    case 'ledger_error':
      expectTypeOf(event).toEqualTypeOf<LedgerErrorEvent>();
      return event.operation;
    case 'ledger_forgot':
      expectTypeOf(event).toEqualTypeOf<LedgerForgotEvent>();
      return event.count;
    case 'error':
      expectTypeOf(event).toEqualTypeOf<ErrorEvent>();
      return event.status;
    default:
      return nothing(event);
  }
}

// Errors.
expectTypeOf<ConnectErrorCode>().toEqualTypeOf<
  | 'ERR_CONNECT_OPTIONS'
  | 'ERR_CONNECT_NO_SESSION'
  | 'ERR_CONNECT_COOKIE'
  | 'ERR_CONNECT_STORE'
  | 'ERR_CONNECT_METHOD'
  | 'ERR_CONNECT_PREFETCH'
  | 'ERR_CONNECT_ORIGIN'
  | 'ERR_CONNECT_CALLBACK'
  | 'ERR_CONNECT_STATE'
  | 'ERR_CONNECT_DENIED'
  | 'ERR_CONNECT_GRANT'
  | 'ERR_CONNECT_REQUIRED'
  | 'ERR_CONNECT_EXPIRED'
  | 'ERR_CONNECT_CONFIG'
  | 'ERR_CONNECT_ACCOUNT'
  | 'ERR_CONNECT_FORBIDDEN'
  | 'ERR_CONNECT_RATE_LIMITED'
  | 'ERR_CONNECT_UNAVAILABLE'
  | 'ERR_CONNECT_TIMEOUT'
  | 'ERR_CONNECT_RESPONSE'
  | 'ERR_CONNECT_API'
  | 'ERR_CONNECT_LEDGER'
>();
expectTypeOf<ConnectStage>().toEqualTypeOf<
  'options' | 'authorize' | 'callback' | 'exchange' | 'refresh' | 'api' | 'disconnect'
>();
expectTypeOf<ConnectError>().toExtend<Error>();
expectTypeOf<ConnectError['code']>().toEqualTypeOf<ConnectErrorCode>();
expectTypeOf<ConnectError['reference']>().toEqualTypeOf<string>();
expectTypeOf<ConnectError['provider']>().toEqualTypeOf<ProviderSign | undefined>();
expectTypeOf(isConnectError).guards.toExtend<ConnectError>();
type Documented = 'resting' | 'expired';
if (isConnectError(something)) {
  // Each code with its own reasons, and room for a word of the app's own.
  if (something.code === 'ERR_CONNECT_RATE_LIMITED')
    expectTypeOf<Extract<typeof something.reason, Documented>>().toEqualTypeOf<'resting'>();
  if (something.code === 'ERR_CONNECT_GRANT') expectTypeOf<Extract<typeof something.reason, Documented>>().toBeNever();
  expectTypeOf(something.reason === 'staff_only').toBeBoolean();
}
// @ts-expect-error -- no such reason
expectTypeOf<ConnectErrorReason<'ERR_CONNECT_STATE'>>().toEqualTypeOf<'expried'>();
if (something instanceof ConnectError) expectTypeOf(something.reason === 'staff_only').toBeBoolean();
expectTypeOf<ConnectErrorReason<'ERR_CONNECT_ORIGIN'>>().toEqualTypeOf<'foreign' | 'missing'>();
expectTypeOf<KnownConnectError['code']>().toEqualTypeOf<ConnectErrorCode>();
expectTypeOf(isConnectError).toBeCallableWith(something);

// Ledgers.
expectTypeOf(memoryLedger).returns.toEqualTypeOf<RefreshLedger>();
expectTypeOf(recordLedger).returns.toEqualTypeOf<RefreshLedger>();
expectTypeOf(recordLedger).toBeCallableWith({
  update: async (key, step) => {
    const { answer, record, keepMs } = step(await readText(key), Date.now());
    expectTypeOf(answer).toBeUnknown();
    if (record !== undefined) expectTypeOf({ record, keepMs }).toEqualTypeOf<{ record: string; keepMs: number }>();
    return answer;
  },
  encryptionKeys: [{ id: '2026-11', secret: '' }],
});
expectTypeOf(redisLedger).returns.toEqualTypeOf<RefreshLedger>();
expectTypeOf(redisLedger).parameters.toEqualTypeOf<[options: RedisLedgerOptions]>();
expectTypeOf<keyof RefreshLedger>().toEqualTypeOf<
  'acquire' | 'renew' | 'settle' | 'fail' | 'revoke' | 'once' | 'onForgotten'
>();
expectTypeOf<Awaited<ReturnType<RefreshLedger['acquire']>>['kind']>().toEqualTypeOf<
  'revoked' | 'adopt' | 'dead' | 'wait' | 'backoff' | 'won'
>();
expectTypeOf<Awaited<ReturnType<RefreshLedger['fail']>>>().toEqualTypeOf<'recorded' | 'ended' | 'lost'>();
expectTypeOf<Awaited<ReturnType<RefreshLedger['revoke']>>['first']>().toEqualTypeOf<boolean>();
expectTypeOf<RedisLedgerOptions>().toEqualTypeOf<{
  readonly sendCommand: (...args: string[]) => Promise<unknown>;
  readonly encryptionKeys: readonly EncryptionKey[];
  readonly prefix?: string | undefined;
  readonly commandTimeoutMs?: number | undefined;
}>();

// Stores of connections: three operations, and keys where a store has its own.
expectTypeOf(memoryConnections).returns.toEqualTypeOf<ConnectionStore>();
expectTypeOf(redisConnections).returns.toEqualTypeOf<ConnectionStore>();
expectTypeOf<RedisConnectionsOptions>().toEqualTypeOf<RedisLedgerOptions>();
expectTypeOf<RequiredKeys<ConnectionStore>>().toEqualTypeOf<'load' | 'save' | 'remove'>();
expectTypeOf<Awaited<ReturnType<ConnectionStore['load']>>>().toEqualTypeOf<
  { readonly record: string; readonly version: string } | undefined
>();
expectTypeOf<Parameters<ConnectionStore['save']>>().toEqualTypeOf<
  [key: string, record: string, ifVersion: string | undefined]
>();
expectTypeOf<Awaited<ReturnType<ConnectionStore['save']>>>().toEqualTypeOf<string | undefined>();
expectTypeOf<Awaited<ReturnType<ConnectionStore['remove']>>>().toEqualTypeOf<boolean>();

// The sandbox fits connectAuth() and the ledgers fit its conformance test.
expectTypeOf(connectAuth).toBeCallableWith({
  ...sandbox.connectOptions,
  redirectUri: 'http://127.0.0.1/connect/callback',
});
expectTypeOf(startSandbox).toBeCallableWith({ switches: { refresh: 'rotate', accessTokenKey: { required: 'key' } } });
expectTypeOf<RequiredKeys<SandboxOptions>>().toEqualTypeOf<never>();
expectTypeOf<SandboxSwitches>().toEqualTypeOf<Readonly<SandboxSwitches>>();
expectTypeOf(ledgerConformance).toBeCallableWith(() => ({ ledger: memoryLedger(), advance: () => undefined }));
expectTypeOf(connectionStoreConformance).toBeCallableWith(() => ({ store: memoryConnections() }));
