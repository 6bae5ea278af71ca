import type { Sandbox } from '../../../src/testing';
import { findSecrets, type Secret } from '../find-secret';
import { unwrapped, type Ended } from './built-cli';
import { runHere } from './run-here';

/** Values that no output may hold, in whatever spelling. */
export const CANARIES = {
  secret: 'client-Secret+/Canary=4f2a91',
  key: 'accessKeyCanary77ab03',
  session: 'session signing canary c81e72',
} as const;

const SECRETS: readonly Secret[] = Object.entries(CANARIES).map(([name, value]) => ({ name, value }));

export type Variables = Readonly<Record<string, string>>;

/** The variables of an app that is set up well for the sandbox. */
export function soundVariables(sandbox: Sandbox): Variables {
  return {
    CONNECT_CLIENT_ID: sandbox.connectOptions.clientId,
    CONNECT_CLIENT_SECRET: CANARIES.secret,
    CONNECT_REDIRECT_URI: 'http://localhost:3000/connect/callback',
    CONNECT_AUTHORIZE_URL: sandbox.connectOptions.authorizeUrl,
    CONNECT_TOKEN_URL: sandbox.connectOptions.tokenUrl,
    SESSION_SECRET: CANARIES.session,
  };
}

/** A report of the doctor, as text on one line. */
export interface Diagnosis extends Ended {
  readonly report: string;
}

type Run = (args: readonly string[], env: Variables) => Promise<Ended>;

/** Asks the doctor, and fails if anything that it says holds a secret. */
export function diagnose(env: Variables, ...flags: readonly string[]): Promise<Diagnosis> {
  return diagnoseBy(runHere, env, ...flags);
}

/** The same with the command line as a user has it: what Node itself reads at its start counts, too. */
export async function diagnoseBy(run: Run, env: Variables, ...flags: readonly string[]): Promise<Diagnosis> {
  const ended = await run(['doctor', ...flags], env);
  const leaks = findSecrets(ended.stdout + ended.stderr, SECRETS);
  if (leaks.length > 0) throw new Error(`The doctor shows ${leaks.join(', ')}`);
  return { ...ended, report: unwrapped(ended.stdout) };
}
