// Re-exports by name from the one CommonJS copy: a second copy would bring a second ConnectError class.
export { ConnectError, connectAuth, connectErrorHandler, connectOptionsFromEnv, isConnectError } from './index.js';
export type {
  ConnectAuth, ConnectAuthOptions, ConnectedEvent, ConnectErrorCode, ConnectErrorDetails, ConnectErrorHandlerOptions,
  ConnectEvent, ConnectEventListener, ConnectStage, ConnectToken, ErrorEvent, ProviderSign, RenderError,
} from './index.js';
