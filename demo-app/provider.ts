import { startSandbox, type Sandbox } from 'express-connect-auth/testing';

/** Seconds that a token of the demo's sandbox lives: short enough to watch it being refreshed. */
export const TOKEN_SECONDS = 30;

/** Milliseconds for one call: short enough that nobody gets bored by a provider that keeps silent. */
export const DEMO_TIMEOUT_MS = 3_000;

/** The demo's own provider. It rotates refresh tokens, and ends a connection whose old one is used again. */
export function startDemoProvider(): Promise<Sandbox> {
  return startSandbox({
    clientId: 'demo-app',
    switches: { lifetimeSeconds: TOKEN_SECONDS, refresh: 'rotate' },
  });
}
