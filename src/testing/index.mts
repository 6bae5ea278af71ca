// Re-exports by name from the one CommonJS copy: two copies would be two sets of everything.
export { SANDBOX_API_CODES, connectionStoreConformance, ledgerConformance, startSandbox } from './index.js';
export type {
  AgentAnswer,
  ConnectionStoreCase,
  ConnectionStoreUnderTest,
  LedgerCase,
  LedgerUnderTest,
  PlanOptions,
  Sandbox,
  SandboxCalls,
  SandboxEndpoint,
  SandboxFault,
  SandboxOptions,
  SandboxSwitches,
  SignedIn,
  SignIn,
  SignInAgent,
} from './index.js';
