import { createHash } from 'node:crypto';

/** How many requests are sent at once. */
export const BURST_SIZE = 50;
/** Path of the guarded route that they go to. */
export const BURST_TARGET = '/connected/one';

/** What the guarded route says about the request that it answered. */
export interface OneAnswer {
  /** {@link tokenHash} of the token that the handler was given. */
  readonly token: string;
  readonly worker?: number | undefined;
}

/** What came of all of them. */
export interface BurstResult {
  /** How many were answered with 200. */
  readonly answered: number;
  /** Hashes of the tokens that their handlers were given. */
  readonly tokens: readonly string[];
  /** Number of a process and how many it answered; empty where there is only one. */
  readonly perWorker: readonly (readonly [worker: number, answers: number])[];
  readonly tookMs: number;
  /** How often the refresh token came to the provider; undefined: nobody can know. */
  readonly providerCalls: number | undefined;
}

/** Eight digits that tell tokens apart, and from which none can be found. */
export function tokenHash(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('hex').slice(0, 8);
}

/**
 * Sends the visitor's own request many times at once, each on a connection of its own.
 * @param address - origin of this demo; the cookie goes nowhere else
 */
export async function fireBurst(address: string, cookie: string): Promise<Omit<BurstResult, 'providerCalls'>> {
  const begun = performance.now();
  const answers = await Promise.all(Array.from({ length: BURST_SIZE }, () => askOnce(address, cookie)));
  const good = answers.filter((answer) => answer !== undefined);
  const perWorker = new Map<number, number>();
  for (const { worker } of good) if (worker !== undefined) perWorker.set(worker, (perWorker.get(worker) ?? 0) + 1);
  return {
    answered: good.length,
    tokens: [...new Set(good.map(({ token }) => token))],
    perWorker: [...perWorker].sort(([a], [b]) => a - b),
    tookMs: Math.round(performance.now() - begun),
  };
}

async function askOnce(address: string, cookie: string): Promise<OneAnswer | undefined> {
  const headers = { Accept: 'application/json', Cookie: cookie, Connection: 'close' };
  const response = await fetch(address + BURST_TARGET, { redirect: 'manual', headers }).catch(() => undefined);
  return response?.status === 200 ? ((await response.json()) as OneAnswer) : undefined;
}
