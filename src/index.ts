export { connectAuth, type ConnectAuth, type ConnectHandler } from './connect-auth';
export {
  connectErrorHandler,
  type ConnectErrorHandlerOptions,
  type ConnectErrorMiddleware,
} from './access/error-handler';
export type { RenderError } from './web/respond';
export {
  ConnectError,
  isConnectError,
  type ConnectErrorCode,
  type ConnectErrorDetails,
  type ConnectErrorReason,
  type KnownConnectError,
  type ConnectStage,
  type ProviderSign,
} from './errors/connect-error';
export type {
  AdoptedEvent,
  ApiCallEvent,
  ConnectEvent,
  ConnectEventListener,
  ConnectedEvent,
  DisconnectedEvent,
  EndedEvent,
  EndedReason,
  ErrorEvent,
  ExchangeEvent,
  LedgerErrorEvent,
  LedgerErrorReason,
  LedgerForgotEvent,
  RefreshFailedEvent,
  RefreshFailureKind,
  RefreshedEvent,
} from './errors/events';
export { memoryLedger, type MemoryLedgerOptions } from './ledger/memory-ledger';
export { recordLedger, type RecordLedgerOptions } from './ledger/record-ledger';
export type { RecordChange, RecordStep, UpdateRecord } from './ledger/update';
export type { ConnectCall, ConnectCallWithBody, ConnectClient, ConnectResponse } from './access/api-client';
export type { GetToken } from './access/get-token';
export type { TokenRequest } from './access/token-source';
export type { ConnectAccount, ConnectionStatus, ImportedTokenSet } from './access/account';
export type { ConnectionStore, StoredConnection } from './connections/connection-store';
export { memoryConnections } from './connections/memory-connections';
export type { OwnerOf } from './session/owners';
export type { RequireConnectOptions } from './access/require-connect';
export type { EncryptionKey } from './session/seal';
export type {
  Acquired,
  Failed,
  Forgotten,
  LedgerClaim,
  LedgerFailure,
  LedgerSuccess,
  RefreshLedger,
  Revoked,
  Settled,
} from './ledger/ledger';
export type { ConnectAuthOptions } from './options/options';
export { connectOptionsFromEnv } from './options/from-env';
export { connectErrorFrom, type ConnectErrorFromOptions, type FetchedAnswer } from './provider/api/fetched-answer';

// Reaches the declaration of req.session.connectToken, or installed consumers would never see it.
export type {} from './session/store';
export type { ConnectToken } from './session/connect-token';
