import { debug } from '../errors/debug';
import { emit } from '../errors/emit';
import { aboutConnection } from '../errors/events';
import { own } from '../base/own';
import { within } from '../base/within';
import type { Config } from '../options/read';
import { isDue, isHardExpired, knownExpiry } from '../refresh/due';
import { overriddenStatus } from '../provider/errors/error-table';
import type { EndedConnections } from '../refresh/ended';
import type { Flights } from '../refresh/flight';
import { type RefreshOutcome, readWord } from '../refresh/outcome';
import type { SessionTokens } from '../session/session-token';
import type { ConnectToken, TokenSet } from '../session/connect-token';
import type { ApiRefusals } from './api-refusals';
import type { Copy, Place } from './copy';
import type { NoToken } from './no-token';
import { notNow } from './not-now';

/** What giving a token needs. */
export interface TokenSourceConfig extends Pick<Config, TokenSourceOptions> {
  readonly tokens: Pick<SessionTokens, 'shown'>;
  readonly flights: Flights;
  readonly ended: EndedConnections;
  readonly refusals: ApiRefusals;
  readonly noToken: NoToken;
}

type TokenSourceOptions = 'refreshLeewaySeconds' | 'onEvent' | 'loginUrl' | 'statusByApiCode';

/** What a caller of `getToken` may say. */
export interface TokenRequest {
  /** The access token that the API has just answered 401 to. */
  readonly refused?: string | undefined;
}

/**
 * Gives the usable token of a place; a promise of it only where there is something to wait for.
 * @throws ConnectError `ERR_CONNECT_REQUIRED`, `ERR_CONNECT_EXPIRED`, or, when no valid token is left and none can be
 * obtained right now, `ERR_CONNECT_UNAVAILABLE`, `ERR_CONNECT_RATE_LIMITED`, `ERR_CONNECT_LEDGER`,
 * `ERR_CONNECT_CONFIG`; or an error of reading the copy
 */
export type TokenOf = (place: Place, ask?: TokenRequest) => ConnectToken | Promise<ConnectToken>;

/** An adopted token set younger than this is not written into the session: the request that refreshed it is writing it. */
const WRITTEN_BY_OTHERS_MS = 5000;
/** A token set younger than this is not refreshed because the API refuses it. */
const TOO_YOUNG_TO_REFUSE_MS = 5000;
/** Each round finds a newer token set, or waits. */
const MOST_ROUNDS = 8;

/** A call in progress. */
interface Call {
  readonly copy: Copy;
  readonly refused: string | undefined;
  /** When it stops waiting, in milliseconds since 1970. */
  readonly endsMs: number;
}

/** How a call got its token set, which decides what has to be written. */
interface Obtained {
  readonly set: TokenSet;
  /** Undefined: nothing new. */
  readonly how: 'refreshed' | 'adopted' | undefined;
  readonly ageMs: number;
}

/** Makes a {@link TokenOf}: refreshed when due, by one provider call per generation across callers and processes. */
export function tokenSource(config: TokenSourceConfig): TokenOf {
  const { tokens, flights, ended, refusals, noToken } = config;

  return function tokenOf(place, ask) {
    const found = place.read();
    // Not by instanceof: an app may have a Promise of its own.
    return 'then' in found ? found.then((start) => usable(place, start, ask)) : usable(place, found, ask);
  };

  function usable(place: Place, start: TokenSet, ask: TokenRequest | undefined): ConnectToken | Promise<ConnectToken> {
    const refused = ask == null ? undefined : curable(start, own(ask, 'refused') as TokenRequest['refused']);
    return needsRefresh(start, refused) ? refreshed(place.copy(), start, refused) : tokens.shown(start);
  }

  async function refreshed(copy: Copy, start: TokenSet, refused: string | undefined): Promise<ConnectToken> {
    copy.begin();
    const call: Call = { copy, refused, endsMs: Date.now() + flights.waitMaxMs };
    const obtained = await newest(call, start);
    if (obtained.how !== undefined) {
      if (refused !== undefined) refusals.brought(obtained.set.token.access_token);
      await keep(call, obtained);
    }
    return tokens.shown(obtained.set);
  }

  /** The token that was refused, unless it is known that a refresh does not help. */
  function curable(set: TokenSet, refused: string | undefined): string | undefined {
    const { access_token } = set.token;
    if (refused !== access_token) return refused;
    return refusals.mayHelp({ access_token, expires_at: knownExpiry(set) }) ? refused : undefined;
  }

  function needsRefresh(set: TokenSet, refused: string | undefined): boolean {
    return set.token.access_token === refused || isDue(set, config.refreshLeewaySeconds, Date.now());
  }

  function isUsable({ refused }: Call, set: TokenSet): boolean {
    return set.token.access_token !== refused && !isHardExpired(set, Date.now());
  }

  /** Asks for newer token sets until one is not due, or there is nothing newer. */
  async function newest(call: Call, start: TokenSet): Promise<Obtained> {
    let obtained: Obtained = { set: start, ageMs: 0, how: undefined };
    for (let round = 0; round < MOST_ROUNDS && needsRefresh(obtained.set, call.refused); round += 1) {
      const { set } = obtained;
      const usable = isUsable(call, set);
      if (set.token.refresh_token === undefined) {
        if (usable) return obtained;
        throw noToken.ended();
      }
      const outcome = await joinRefresh(call, set, usable);
      if (outcome === undefined) return obtained;
      if (outcome.kind === 'token') {
        // The call's own token set, too young to be refreshed again.
        const isNotNewer = outcome.set.generation <= set.generation;
        if (isNotNewer && outcome.set.token.access_token === set.token.access_token) {
          // It expired while the ledger was asked: then its age does not matter.
          if (isHardExpired(set, Date.now())) continue;
          return obtained;
        }
        // The call's token set lost a race of its generation: nobody else will write the winner into this copy.
        const ageMs = isNotNewer ? WRITTEN_BY_OTHERS_MS : outcome.ageMs;
        // The flight may have been started for somebody else.
        const mine = { ...outcome.set, owner: set.owner, ownerTag: set.ownerTag };
        obtained = { set: mine, ageMs, how: outcome.won && !outcome.joined ? 'refreshed' : 'adopted' };
        // One refresh per call: a token that arrives due, or is refused again, is not refreshed again right away.
        if (outcome.won) return obtained;
      } else if (outcome.kind !== 'wait' || usable || Date.now() >= call.endsMs) {
        const newer = await fallBack(call, obtained, outcome);
        if (newer === undefined) return obtained;
        obtained = newer;
      }
    }
    // Out of rounds: fail closed.
    if (needsRefresh(obtained.set, call.refused) && !isUsable(call, obtained.set))
      throw notNow({ kind: 'wait' }, restart());
    return obtained;
  }

  /** Shares the flight of this generation or starts it. @returns undefined if the caller need not wait for it */
  async function joinRefresh(
    call: Call,
    set: TokenSet,
    usable: boolean,
  ): Promise<(RefreshOutcome & { joined: boolean }) | undefined> {
    const flying = flights.find(set);
    if (flying !== undefined && usable) return undefined;
    const flight =
      flying ??
      flights.start(set, {
        patient: !usable,
        // An expired token is refused as a matter of course, however young it is.
        minAgeMs:
          call.refused === set.token.access_token && !isHardExpired(set, Date.now()) ? TOO_YOUNG_TO_REFUSE_MS : 0,
        retentionMs: call.copy.retentionMs(),
        onWon: call.copy.beforeRefresh,
      });
    if (!usable) flight.patient = true;
    // Whoever brought it and whoever still waits: it must be recorded before the flight counts as over.
    if (flying === undefined) void flight.outcome.then((late) => late.kind === 'token' && call.copy.record(late.set));
    const outcome = await valueBefore(call.endsMs, flight.outcome);
    if (outcome !== undefined) return { ...outcome, joined: flying !== undefined };
    if (usable) return undefined;
    throw notNow({ kind: 'wait' }, restart());
  }

  /**
   * Continues without a refresh: with a newer set that others have put there, or (undefined) with the current one.
   * @throws ConnectError when the current one is not usable
   */
  async function fallBack(
    call: Call,
    obtained: Obtained,
    outcome: Exclude<RefreshOutcome, { kind: 'token' }>,
  ): Promise<Obtained | undefined> {
    const { copy } = call;
    const { set } = obtained;
    // Disconnected while it waited, whatever the provider said in between.
    const hasEnded = ended.has(set.connectionId);
    if (hasEnded || outcome.kind === 'dead' || outcome.kind === 'revoked') {
      // Noted first, so that a newer copy of it does not count.
      if (outcome.kind === 'revoked') ended.add(set.connectionId);
      const canGoOn = !hasEnded && outcome.kind === 'dead' && isUsable(call, set);
      const newer = await copy.newer(set).catch((error: unknown) => {
        if (canGoOn) return undefined;
        throw error;
      });
      if (newer !== undefined) return { set: newer, ageMs: 0, how: 'adopted' };
      if (hasEnded) throw noToken.ended('revoked');
      if (canGoOn) return undefined;
      const word = outcome.kind === 'dead' ? readWord(outcome.word).word : 'revoked';
      await copy.clear(set, word);
      throw outcome.kind === 'dead' ? noToken.ended(word, outcome) : noToken.ended(word);
    }
    if (isUsable(call, set)) return undefined;
    // The refresh was refused, but may work later: the token stays, and the visitor is asked to sign in.
    if (outcome.kind !== 'backoff') throw notNow(outcome, restart());
    const { word, apiCode } = readWord(outcome.word);
    const status = overriddenStatus(apiCode, config);
    throw word === 'refused'
      ? noToken.ended(word, { ...outcome, status })
      : notNow({ ...outcome, word }, { ...restart(), ...(status === undefined ? {} : { status }) });
  }

  async function keep({ copy, endsMs }: Call, { set, how, ageMs }: Obtained): Promise<void> {
    // A disconnect may have come in between; then nothing may bring the token back.
    if (ended.has(set.connectionId)) throw noToken.ended('revoked');
    if (how === 'adopted') {
      emit(config.onEvent, { type: 'adopted', ...aboutConnection(set), generation: set.generation });
    }
    copy.hold(set);
    if (how === 'adopted' && ageMs < WRITTEN_BY_OTHERS_MS) return;
    // A slow store does not hold up a caller that has a token: the write continues, and holders of the older copy
    // adopt.
    await valueBefore(endsMs, copy.persist(set, how === 'refreshed'));
  }

  function restart(): { loginUrl?: string } {
    return config.loginUrl === undefined ? {} : { loginUrl: config.loginUrl };
  }
}

/** @returns undefined when `work` takes longer */
function valueBefore<T>(endsMs: number, work: Promise<T>): Promise<T | undefined> {
  return within(Math.max(0, endsMs - Date.now()), work, () => {
    debug('refresh', 'too slow');
    return undefined;
  });
}
