import { setTimeout as sleep } from 'node:timers/promises';
import { debug } from '../errors/debug';
import type { ConnectEventListener } from '../errors/events';
import { offers, type Offers } from '../base/offers';
import { ownOnly } from '../base/own';
import { randomText } from '../base/random-text';
import type { TokenEndpoint } from '../provider/token/token-endpoint';
import { newReference } from '../errors/reference';
import type { TokenSet } from '../session/connect-token';
import { asking } from './ask';
import { attemptRefresh, type AttemptParts, type WonClaim } from './attempt';
import { fromBox, ledgerKey, type LedgerScope } from '../ledger/box';
import type { RefreshOutcome } from './outcome';
import type { Acquired, RefreshLedger } from '../ledger/ledger';
import { refreshPauses } from './pauses';
import { settler } from './settle';

/** What refreshing needs. */
export interface FlightsConfig extends LedgerScope {
  readonly ledger: RefreshLedger;
  readonly endpoint: Pick<TokenEndpoint, 'refresh'>;
  readonly onEvent?: ConnectEventListener | undefined;
  readonly statusByApiCode?: Readonly<Record<string, number>> | undefined;
  /** Offers results that a store or ledger has not taken. @defaultValue its own */
  readonly offers?: Offers | undefined;
  /**
   * Milliseconds until another process may take over the claim of one that crashed. Shorter than `waitMaxMs`, and than
   * the 10 s for which providers commonly accept a rotated refresh token again. @defaultValue `6000`
   */
  readonly leaseMs?: number | undefined;
  /** Milliseconds that a caller without a valid token waits for a refresh. @defaultValue `8000` */
  readonly waitMaxMs?: number | undefined;
}

/** A single flight: one refresh, shared by all requests of this process that need it. */
export interface Flight {
  readonly outcome: Promise<RefreshOutcome>;
  /** Whether a request without a valid token shares it: then it keeps polling while another process refreshes. */
  patient: boolean;
}

/** What a new flight needs to know. Times in milliseconds. */
export interface FlightPlan {
  readonly patient: boolean;
  /** A token set younger than this is not refreshed again. */
  readonly minAgeMs: number;
  /** How long the ledger keeps the record. */
  readonly retentionMs: number;
  /** Called before the provider is asked, if this flight is the one that asks. */
  readonly onWon?: (() => void) | undefined;
}

/** The refreshes of one instance in this process. They belong to no request: a closed browser does not abort them. */
export interface Flights {
  readonly waitMaxMs: number;
  /** The flight in progress for this generation. */
  readonly find: (set: TokenSet) => Flight | undefined;
  readonly start: (set: TokenSet, plan: FlightPlan) => Flight;
  /**
   * Resolves once every refresh in flight is done, and recorded in ledger and connections unless they fail for 10 s.
   */
  readonly close: () => Promise<void>;
}

/** How long a claim to refresh is valid unless it is renewed; after that, others take over. */
const LEASE_MS = 6000;
/** `won` counts only if it arrives within this share of the lease: later, another process may be about to take over. */
const SURE_SHARE = 0.5;
/** How long a request without a valid token waits for a refresh. */
const LONGEST_WAIT_MS = 8000;
/**
 * Milliseconds between two checks whether another process is done: the first and the longest, before jitter may double
 * them.
 */
const FIRST_POLL_MS = 15;
const LONGEST_POLL_MS = 120;
/** Milliseconds for which `close()` keeps offering results to a ledger or store that does not take them. */
const CLOSING_MS = 10_000;

/** Keeps the flights of one instance. */
export function refreshFlights(config: FlightsConfig): Flights {
  const { ledger, leaseMs = LEASE_MS, waitMaxMs = LONGEST_WAIT_MS, offers: offering = offers() } = ownOnly(config);
  const flights = new Map<string, Flight>();
  const ask = asking(config.onEvent);
  const parts: AttemptParts = {
    ...config,
    leaseMs,
    ask,
    claimant: randomText(16),
    settler: settler(ledger, ask, offering),
    pauses: refreshPauses(),
  };

  function start(set: TokenSet, plan: FlightPlan): Flight {
    const key = ledgerKey(config, set.connectionId);
    const name = flightName(key, set);
    // Becomes the flight itself, so that fly() sees it when a request that joins later sets `patient`.
    const board = { patient: plan.patient };
    const flight = Object.assign(board, { outcome: fly(key, set, plan, board).finally(() => flights.delete(name)) });
    flights.set(name, flight);
    return flight;
  }

  async function fly(
    key: string,
    set: TokenSet,
    plan: FlightPlan,
    board: { readonly patient: boolean },
  ): Promise<RefreshOutcome> {
    const lastMs = Date.now() + waitMaxMs;
    // If the ledger fails, the event and the errors of all requests on this flight carry the same reference.
    const reference = newReference();
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)) {
      const known = knownHere(key, set, board.patient);
      if (known !== undefined) return known;
      const askedMs = performance.now();
      const got = await ask('acquire', { ...set, reference }, () =>
        ledger.acquire(key, {
          generation: set.generation,
          claimant: parts.claimant,
          leaseMs,
          minAgeMs: plan.minAgeMs,
          retentionMs: plan.retentionMs,
        }),
      );
      if (got === undefined) return { kind: 'away', reference };
      debug('refresh', got.kind, set.generation);
      if (got.kind !== 'won' && got.kind !== 'wait') return fromLedger(got, set);
      if (got.kind === 'wait' && !board.patient) return { kind: 'wait' };
      // If this process stalled and read the answer late, the lease may be over: ask again.
      if (got.kind === 'won' && performance.now() - askedMs < leaseMs * SURE_SHARE) {
        const paused = parts.pauses.find(key, set);
        if (paused !== undefined) return giveBack(key, { set, won: got, retentionMs: plan.retentionMs }, paused);
        plan.onWon?.();
        const outcome = await attemptRefresh({ key, set, won: got, retentionMs: plan.retentionMs }, parts);
        if (outcome !== undefined) return outcome;
      }
      if (Date.now() >= lastMs) return { kind: 'wait' };
      await sleep(Math.min(pollMs * (1 + Math.random()), Math.max(1, lastMs - Date.now())));
    }
  }

  /** Releases a claim won during a pause of this process, which does not ask the provider now, but another one may. */
  async function giveBack(
    key: string,
    { set, won, retentionMs }: Omit<WonClaim, 'key'>,
    paused: Extract<RefreshOutcome, { kind: 'backoff' }>,
  ): Promise<RefreshOutcome> {
    await ask('fail', set, () =>
      ledger.fail(key, {
        claimant: parts.claimant,
        kind: 'transient',
        backoffMs: 0,
        error: paused.word,
        ambiguous: won.ambiguous,
        retentionMs,
      }),
    );
    return paused;
  }

  /**
   * An outcome that this process knows without the ledger: a success that the ledger has not taken yet, or a pause. A
   * patient flight asks the ledger even in a pause: another process may have settled a newer token set meanwhile.
   */
  function knownHere(key: string, set: TokenSet, patient: boolean): RefreshOutcome | undefined {
    const newer = parts.settler.find(key);
    if (newer !== undefined && newer.generation > set.generation)
      return { kind: 'token', set: newer, ageMs: 0, won: false };
    return patient ? undefined : parts.pauses.find(key, set);
  }

  return Object.freeze({
    waitMaxMs,
    start,
    find: (set: TokenSet) => flights.get(flightName(ledgerKey(config, set.connectionId), set)),
    async close(): Promise<void> {
      offering.hurry(CLOSING_MS);
      while (flights.size > 0 || offering.pending.size > 0) {
        await Promise.allSettled([...[...flights.values()].map((flight) => flight.outcome), ...offering.pending]);
      }
    },
  });
}

function fromLedger(got: Exclude<Acquired, { kind: 'won' | 'wait' }>, set: TokenSet): RefreshOutcome {
  if (got.kind === 'backoff') return { kind: 'backoff', ms: got.ms, word: got.error, reference: undefined };
  if (got.kind === 'dead') return { kind: 'dead', word: got.error, reference: undefined };
  if (got.kind === 'revoked') return got;
  const newer = fromBox(got.box, set, got.generation);
  return newer === undefined ? { kind: 'away' } : { kind: 'token', set: newer, ageMs: got.ageMs, won: false };
}

function flightName(key: string, { generation }: TokenSet): string {
  return `${key}.${generation}`;
}
