import { randomBytes } from 'node:crypto';
import { debug } from '../debug';
import { ConnectError, isConnectError } from '../errors';
import { connectionHash, emit, type ConnectEventListener, type LedgerErrorEvent } from '../events';
import { refreshFailure } from '../provider/refresh-failure';
import type { TokenEndpoint } from '../provider/token-endpoint';
import type { TokenSet } from '../token';
import { backOff } from './back-off';
import { fromBox, ledgerKey, toBox, type LedgerScope } from './box';
import { lifetimeSeconds } from './due';
import type { Acquired, RefreshLedger } from './ledger';

/** What refreshing needs. */
export interface FlightsConfig extends LedgerScope {
  readonly ledger: RefreshLedger;
  readonly endpoint: Pick<TokenEndpoint, 'refresh'>;
  readonly onEvent?: ConnectEventListener | undefined;
  /** Milliseconds. @defaultValue `10000` */
  readonly leaseMs?: number | undefined;
  /** Milliseconds that a caller without a valid token waits for a refresh. @defaultValue `8000` */
  readonly waitMaxMs?: number | undefined;
}

/** How an attempt to get a newer token set ended. Times in milliseconds. */
export type Landed =
  /** `ageMs`: since it was settled; 0 when this process has just refreshed it. */
  | { readonly kind: 'token'; readonly set: TokenSet; readonly ageMs: number; readonly won: boolean }
  /** Another process is refreshing. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'backoff'; readonly ms: number; readonly word: string }
  /** `word`: `invalid_grant`, or `lost_response` when the provider's answer to an earlier attempt was lost. */
  | { readonly kind: 'dead'; readonly word: string }
  | { readonly kind: 'revoked' }
  /** The ledger did not answer, or holds what nobody can read. */
  | { readonly kind: 'away' };

/** One attempt, shared by all requests of this process that need it. */
export interface Flight {
  readonly landed: Promise<Landed>;
  /** Whether somebody without a valid token is on board: then it goes on while another process refreshes. */
  patient: boolean;
}

/** What a new flight has to know. Times in milliseconds. */
export interface FlightPlan {
  readonly patient: boolean;
  /** A token set younger than this is not refreshed again. */
  readonly minAgeMs: number;
  /** For how long the ledger keeps the record. */
  readonly retentionMs: number;
}

/** The refreshes of one instance in this process. They belong to no request: a closed browser aborts none. */
export interface Flights {
  readonly waitMaxMs: number;
  /** The flight in progress for this generation. */
  readonly find: (set: TokenSet) => Flight | undefined;
  readonly start: (set: TokenSet, plan: FlightPlan) => Flight;
  /** Resolves once every refresh in flight is recorded in the ledger. */
  readonly close: () => Promise<void>;
}

/** How long our own credentials are not tried again after the provider has refused them. */
const BREAKER_MS = 30_000;
/** How long a success that the ledger did not take is offered to it again. */
const SETTLE_FOR_MS = 600_000;

/** A success that the ledger does not know yet. Its lineage's older copies are answered from here. */
interface Unsettled {
  readonly set: TokenSet;
}

/** A pause that this process keeps without asking the ledger. */
interface Pause {
  readonly generation: number;
  readonly untilMs: number;
  readonly word: string;
}

/** Keeps the flights of one instance. */
export function refreshFlights(config: FlightsConfig): Flights {
  const { ledger, leaseMs = 10_000, waitMaxMs = 8000 } = config;
  const claimant = randomBytes(16).toString('base64url');
  const flights = new Map<string, Flight>();
  const unsettled = new Map<string, Unsettled>();
  const pauses = new Map<string, Pause>();
  const settling = new Set<Promise<void>>();
  let breakerUntilMs = 0;

  function start(set: TokenSet, plan: FlightPlan): Flight {
    const key = ledgerKey(config, set.lineage);
    const name = flightName(key, set);
    const board = { patient: plan.patient };
    const flight = Object.assign(board, { landed: fly(key, set, plan, board).finally(() => flights.delete(name)) });
    flights.set(name, flight);
    return flight;
  }

  async function fly(
    key: string, set: TokenSet, plan: FlightPlan, board: { readonly patient: boolean },
  ): Promise<Landed> {
    const lastMs = Date.now() + waitMaxMs;
    for (let pauseMs = 15; ; pauseMs = Math.min(pauseMs * 2, 120)) {
      const known = knownHere(key, set);
      if (known !== undefined) return known;
      const got = await asked('acquire', set, () => ledger.acquire(key, {
        generation: set.generation, claimant, leaseMs, minAgeMs: plan.minAgeMs, retentionMs: plan.retentionMs,
      }));
      if (got === undefined) return { kind: 'away' };
      debug('refresh', got.kind, set.generation);
      if (got.kind === 'won') {
        const landed = await refresh(key, set, got, plan.retentionMs);
        // Undefined: somebody else has the claim by now, and our failure says nothing. Ask again, and adopt.
        if (landed !== undefined) return landed;
      } else if (got.kind !== 'wait') {
        return fromLedger(got, set);
      } else if (!board.patient || Date.now() >= lastMs) {
        return { kind: 'wait' };
      }
      await sleep(Math.min(pauseMs * (1 + Math.random()), Math.max(1, lastMs - Date.now())));
    }
  }

  /** What this process knows better than the ledger, or need not ask it. */
  function knownHere(key: string, set: TokenSet): Landed | undefined {
    const newer = unsettled.get(key)?.set;
    if (newer !== undefined && newer.generation > set.generation) return { kind: 'token', set: newer, ageMs: 0, won: false };
    const now = Date.now();
    if (breakerUntilMs > now) return { kind: 'backoff', ms: breakerUntilMs - now, word: 'configuration' };
    const pause = pauses.get(key);
    if (pause === undefined) return undefined;
    if (pause.untilMs > now && pause.generation === set.generation) {
      return { kind: 'backoff', ms: pause.untilMs - now, word: pause.word };
    }
    pauses.delete(key);
    return undefined;
  }

  function fromLedger(got: Exclude<Acquired, { kind: 'won' | 'wait' }>, { lineage }: TokenSet): Landed {
    if (got.kind === 'backoff') return { kind: 'backoff', ms: got.ms, word: got.error };
    if (got.kind === 'dead') return { kind: 'dead', word: got.error };
    if (got.kind === 'revoked') return got;
    const set = fromBox(got.box, lineage, got.generation);
    return set === undefined ? { kind: 'away' } : { kind: 'token', set, ageMs: got.ageMs, won: false };
  }

  async function refresh(
    key: string, set: TokenSet, claim: Extract<Acquired, { kind: 'won' }>, retentionMs: number,
  ): Promise<Landed | undefined> {
    const startedMs = Date.now();
    let repeated = false;
    const lease = setInterval(() => {
      void asked('renew', set, () => ledger.renew(key, claimant, leaseMs));
    }, leaseMs / 3);
    try {
      const token = await config.endpoint.refresh(set.token.refresh_token ?? '', { onRepeat: () => { repeated = true; } });
      clearInterval(lease);
      const next = successor(set, token, Date.now());
      const landed = await settle(key, next, claim.fence, retentionMs);
      emit(config.onEvent, {
        type: 'refreshed', time: Date.now(), connection: connectionHash(set.lineage), generation: next.generation,
        durationMs: Date.now() - startedMs,
      });
      return landed;
    } catch (thrown) {
      const error = isConnectError(thrown) ? thrown : new ConnectError('ERR_CONNECT_UNAVAILABLE', { stage: 'refresh' });
      return await failed({ key, set, claim, retentionMs, error, repeated });
    } finally {
      clearInterval(lease);
    }
  }

  /** First of all, whatever happens to the session: other processes must find the successor. */
  async function settle(key: string, next: TokenSet, fence: number, retentionMs: number): Promise<Landed> {
    const offer = (): ReturnType<RefreshLedger['settle']> => ledger.settle(key, {
      generation: next.generation - 1, fence, box: toBox(next), retentionMs,
    });
    const settled = await asked('settle', next, offer);
    if (settled === undefined) {
      keepOffering(key, next, offer);
      return { kind: 'token', set: next, ageMs: 0, won: true };
    }
    if (settled.kind === 'revoked') return settled;
    if (settled.kind === 'settled') return { kind: 'token', set: next, ageMs: 0, won: true };
    const other = fromBox(settled.box, next.lineage, settled.generation);
    return other === undefined ? { kind: 'away' } : { kind: 'token', set: other, ageMs: 0, won: true };
  }

  /** Serves this process from memory until the ledger has taken the success, for ten minutes at most. */
  function keepOffering(key: string, next: TokenSet, offer: () => Promise<unknown>): void {
    unsettled.set(key, { set: next });
    const lastMs = Date.now() + SETTLE_FOR_MS;
    const work = (async () => {
      for (let pauseMs = 100; Date.now() < lastMs; pauseMs = Math.min(pauseMs * 2, 2000)) {
        await sleep(pauseMs);
        if (await asked('settle', next, offer) !== undefined) break;
      }
      if (unsettled.get(key)?.set === next) unsettled.delete(key);
    })();
    settling.add(work);
    void work.finally(() => settling.delete(work));
  }

  async function failed(attempt: {
    key: string; set: TokenSet; claim: Extract<Acquired, { kind: 'won' }>; retentionMs: number; error: ConnectError; repeated: boolean;
  }): Promise<Landed | undefined> {
    const { key, set, claim, retentionMs, error, repeated } = attempt;
    const { kind, retryAfterSeconds } = refreshFailure(error);
    const ambiguous = claim.ambiguous || repeated || kind === 'ambiguous';
    announce(set, kind, error);
    if (kind === 'configuration') breakerUntilMs = Date.now() + BREAKER_MS;
    const rateLimited = error.code === 'ERR_CONNECT_RATE_LIMITED';
    const word = ambiguous ? 'lost_response' : 'invalid_grant';
    const pause = kind === 'terminal'
      ? { ms: 0, word }
      : backOff(kind, { attempts: claim.attempts, rateLimited, retryAfterSeconds }, Math.random());
    const recorded = await asked('fail', set, () => ledger.fail(key, {
      claimant, kind: kind === 'terminal' ? 'terminal' : 'transient', backoffMs: Math.round(pause.ms), error: pause.word,
      ambiguous, retentionMs,
    }));
    if (recorded === false) return undefined;
    if (kind === 'terminal') {
      if (recorded === true) return { kind: 'dead', word };
      // Perhaps somebody took the claim over and has a newer token: without the ledger nobody is signed out.
      pauses.set(key, { generation: set.generation, untilMs: Date.now() + 2000, word: 'unavailable' });
      return { kind: 'away' };
    }
    keepPause(key, { generation: set.generation, untilMs: Date.now() + pause.ms, word: pause.word });
    return kind === 'configuration'
      ? { kind: 'backoff', ms: BREAKER_MS, word: 'configuration' }
      : { kind: 'backoff', ms: pause.ms, word: pause.word };
  }

  function keepPause(key: string, pause: Pause): void {
    const now = Date.now();
    if (pauses.size >= 10_000) for (const [old, { untilMs }] of pauses) if (untilMs <= now) pauses.delete(old);
    pauses.set(key, pause);
  }

  function announce(set: TokenSet, kind: ReturnType<typeof refreshFailure>['kind'], error: ConnectError): void {
    const { apiCode, oauthError } = error.provider ?? {};
    debug('refresh', 'failed', kind, error.code);
    emit(config.onEvent, {
      type: 'refresh_failed', time: Date.now(), stage: 'refresh', connection: connectionHash(set.lineage), kind,
      code: error.code, status: error.status,
      ...(apiCode === undefined ? {} : { apiCode }), ...(oauthError === undefined ? {} : { oauthError }),
    });
  }

  /** Asks the ledger; its trouble is told as an event and as undefined. Its own words may hold addresses: dropped. */
  async function asked<T>(
    operation: LedgerErrorEvent['operation'], { lineage }: TokenSet, ask: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await ask();
    } catch {
      debug('ledger', operation, 'failed');
      emit(config.onEvent, { type: 'ledger_error', time: Date.now(), connection: connectionHash(lineage), operation });
      return undefined;
    }
  }

  return Object.freeze({
    waitMaxMs,
    start,
    find: (set: TokenSet) => flights.get(flightName(ledgerKey(config, set.lineage), set)),
    async close(): Promise<void> {
      while (flights.size > 0 || settling.size > 0) {
        await Promise.allSettled([...[...flights.values()].map((flight) => flight.landed), ...settling]);
      }
    },
  });
}

function flightName(key: string, { generation }: TokenSet): string {
  return `${key}.${generation}`;
}

/** What the provider does not repeat stays as it was (RFC 6749 §5.1, §6: an omitted scope means the same scope). */
function successor(set: TokenSet, token: TokenSet['token'], nowMs: number): TokenSet {
  const { scope } = set.token;
  return {
    token: { ...(scope === undefined ? {} : { scope }), ...token },
    lineage: set.lineage,
    generation: set.generation + 1,
    lifetimeSeconds: lifetimeSeconds(token, nowMs),
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
