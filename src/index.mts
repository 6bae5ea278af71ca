// Re-exports by name from the one CommonJS copy: a second copy would bring a second ConnectError class.
export {
  ConnectError, connectAuth, connectErrorHandler, connectOptionsFromEnv, isConnectError, memoryLedger,
} from './index.js';
export type {
  Acquired, AdoptedEvent, ConnectAuth, ConnectAuthOptions, ConnectClient, ConnectedEvent, ConnectErrorCode, ConnectErrorDetails,
  ConnectErrorHandlerOptions, ConnectEvent, ConnectEventListener, ConnectStage, ConnectToken, DisconnectedEvent,
  EncryptionKey, ErrorEvent, GetToken, LedgerClaim, LedgerErrorEvent, LedgerFailure, LedgerSuccess, MemoryLedgerOptions,
  ProviderSign, RefreshedEvent, RefreshFailedEvent, RefreshFailureKind, RefreshLedger, RenderError, RequireConnectOptions,
  Settled, TokenRequest,
} from './index.js';
