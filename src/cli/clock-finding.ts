import { httpDateMs } from '../provider/http/http-date';
import type { Finding } from './finding';

const WARN_SECONDS = 30;
const FAIL_SECONDS = 300;

/** When an answer came, and what its server's clock said. */
export interface ClockReading {
  /** The `Date` header (RFC 9110 §6.6.1), as received. */
  readonly date: string | undefined;
  /** Milliseconds since 1970, by our clock. */
  readonly sentMs: number;
  readonly receivedMs: number;
}

/** Compares the two clocks; undefined where the server tells none. The time of the answer itself is no skew. */
export function judgeClock({ date, sentMs, receivedMs }: ClockReading): Finding | undefined {
  const theirMs = httpDateMs((date ?? '').trim());
  if (Number.isNaN(theirMs)) return undefined;
  // Their clock is cut to whole seconds.
  const ahead = Math.round((Math.max(0, theirMs - receivedMs) - Math.max(0, sentMs - theirMs - 1000)) / 1000);
  const seconds = Math.abs(ahead);
  const about = { check: 'clock', subject: 'clock' } as const;
  if (seconds < WARN_SECONDS)
    return { ...about, verdict: 'ok', text: `agrees with the provider's to ${Math.max(seconds, 1)} s` };
  return {
    ...about,
    verdict: seconds < FAIL_SECONDS ? 'warn' : 'fail',
    text: `this machine's is ${spoken(seconds)} ${ahead > 0 ? 'behind' : 'ahead of'} the provider's`,
    cure: 'Let the clock be set over the network (NTP): tokens seem to expire at the wrong time.',
  };
}

function spoken(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} hours` : `${Math.round(seconds / 86_400)} days`;
}
