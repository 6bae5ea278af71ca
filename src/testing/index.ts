/** Entry `express-connect-auth/testing`: a local provider for your tests. */
export { startSandbox } from './start-sandbox';
export { SANDBOX_API_CODES } from './error-shapes';
export type { PlanOptions, Sandbox, SandboxCalls, SandboxOptions } from './sandbox';
export type { SandboxEndpoint } from './plans';
export type { SandboxFault } from './faults';
export type { SandboxSwitches } from './switches';
export type { AgentAnswer, SignedIn, SignIn, SignInAgent } from './sign-in';
export { ledgerConformance } from './ledger-conformance';
export type { LedgerCase } from './ledger-conformance';
export type { LedgerUnderTest } from './ledger-scene';
export { connectionStoreConformance } from './connection-store-conformance';
export type { ConnectionStoreCase } from './connection-store-conformance';
export type { ConnectionStoreUnderTest } from './connection-store-scene';
