import { didYouMean } from '../checks/nearest';

/** The calls that codes can be forced on and faults can hit. */
export type SandboxEndpoint = 'exchange' | 'refresh' | 'api';

const ENDPOINTS: readonly SandboxEndpoint[] = ['exchange', 'refresh', 'api'];

/** Things planned for the next calls of each endpoint, first planned, first served. */
export interface Plans<Planned> {
  add(planned: Planned, on: SandboxEndpoint, times: number): void;
  /** What is planned for this call, if anything; counts it as used. */
  take(on: SandboxEndpoint): Planned | undefined;
  clear(): void;
}

/** Empty {@link Plans}. */
export function plans<Planned>(): Plans<Planned> {
  let entries: { readonly planned: Planned; readonly on: SandboxEndpoint; left: number }[] = [];
  return {
    add(planned, on, times) {
      // Planned for nowhere, it would never be met, and a test would pass that shows nothing.
      if (!ENDPOINTS.includes(on))
        throw new TypeError(`The sandbox has no endpoint of this name.${didYouMean(on, ENDPOINTS)}`);
      if (times !== Infinity && (!Number.isInteger(times) || times < 1)) {
        throw new RangeError('"times" is a whole number from 1 on, or Infinity.');
      }
      entries.push({ planned, on, left: times });
    },
    take(on) {
      const entry = entries.find((candidate) => candidate.on === on);
      if (entry === undefined) return undefined;
      entry.left -= 1;
      entries = entries.filter((candidate) => candidate.left > 0);
      return entry.planned;
    },
    clear() {
      entries = [];
    },
  };
}
