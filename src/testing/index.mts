// Re-exports by name from the one CommonJS copy: two copies would be two sets of everything.
export { SANDBOX_API_CODES, startSandbox } from './index.js';
export type {
  PlanOptions, Sandbox, SandboxCalls, SandboxEndpoint, SandboxFault, SandboxOptions, SandboxSwitches,
} from './index.js';
