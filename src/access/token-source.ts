import type { Request } from 'express';
import { debug } from '../errors/debug';
import { ConnectError } from '../errors/connect-error';
import { emit } from '../errors/emit';
import { connectionHash } from '../errors/events';
import { ownOnly } from '../base/own';
import { within } from '../base/within';
import type { Config } from '../options/read';
import { isDue, isHardExpired, knownExpiry } from '../refresh/due';
import { overriddenStatus } from '../provider/errors/error-table';
import type { EndedConnections } from '../refresh/ended';
import type { Flights } from '../refresh/flight';
import { type RefreshOutcome, readWord } from '../refresh/outcome';
import { recordRetentionMs, sessionLifeMs } from '../ledger/retention';
import { readStored, type SessionRecord } from '../session/store';
import { cameWithSession } from '../session/cookie';
import type { SessionTokens } from '../session/session-token';
import type { ConnectToken, TokenSet } from '../session/connect-token';
import type { ApiRefusals } from './api-refusals';
import { notNow } from './not-now';
import { clearStored, persist, type Holder } from './session-writes';

/** What giving a visitor's token needs. */
export interface TokenSourceConfig extends Pick<Config, TokenSourceOptions> {
  readonly session: (req: Request, stage: 'refresh') => SessionRecord;
  readonly tokens: SessionTokens;
  readonly flights: Flights;
  readonly ended: EndedConnections;
  readonly hasMoved: (sessionId: string) => Promise<boolean>;
  readonly refusals: ApiRefusals;
}

type TokenSourceOptions =
  'storeTimeoutMs' | 'refreshLeewaySeconds' | 'sessionTtlMs' | 'onEvent' | 'loginUrl' | 'statusByApiCode';

/** What a caller of `getToken` may say. */
export interface TokenRequest {
  /** The access token that the API has just answered 401 to. */
  readonly refused?: string | undefined;
}

/**
 * Gives the visitor's usable token.
 * @throws ConnectError `ERR_CONNECT_REQUIRED`, `ERR_CONNECT_EXPIRED`, or when no valid token is left and none can be
 * got right now: `ERR_CONNECT_UNAVAILABLE`, `ERR_CONNECT_RATE_LIMITED`, `ERR_CONNECT_LEDGER`, `ERR_CONNECT_CONFIG`;
 * `ERR_CONNECT_CONFIG` also where no encryption key opens the stored token; `ERR_CONNECT_NO_SESSION`, or
 * `ERR_CONNECT_STORE` where the session store has gone away
 */
export type GetToken = (req: Request, ask?: TokenRequest) => Promise<ConnectToken>;

/** An adopted token set younger than this is not written: the request that refreshed it is writing it. */
const WRITTEN_BY_OTHERS_MS = 5000;
/** A token set younger than this is not refreshed because the API refuses it. */
const TOO_YOUNG_TO_REFUSE_MS = 5000;
/** Each finds a newer token set, or waits. */
const MOST_ROUNDS = 8;

/** A call in progress. */
interface Call extends Holder {
  readonly refused: string | undefined;
  /** Until when it waits, in milliseconds since 1970. */
  readonly endsMs: number;
  /** The app's part of the store's document at the time when this call began a refresh. */
  storedBefore: Promise<string | undefined> | undefined;
}

/** What is known of the refresh that failed. */
interface FailureDetails {
  readonly reference?: string | undefined;
  /** The app's own, instead of the code's. */
  readonly status?: number | undefined;
}

/** How a call got its token set: what has to be written, if anything. */
interface Obtained {
  readonly set: TokenSet;
  /** Undefined: nothing new. */
  readonly how: 'refreshed' | 'adopted' | undefined;
  readonly ageMs: number;
}

/** Makes `getToken`: refreshed when due, by one provider call per generation across requests and processes. */
export function tokenSource(config: TokenSourceConfig): GetToken {
  const { tokens, flights, ended, refusals } = config;

  return async function getToken(req: Request, ask: TokenRequest = {}): Promise<ConnectToken> {
    const given = ownOnly(ask);
    const session = config.session(req, 'refresh');
    const start = requireTokenSet(session);
    const { access_token } = start.token;
    const cannotHelp =
      given.refused === access_token && !refusals.mayHelp({ access_token, expires_at: knownExpiry(start) });
    const refused = cannotHelp ? undefined : given.refused;
    if (!needsRefresh(start, refused)) return tokens.shown(start);
    const call: Call = {
      req,
      session,
      sessionId: req.sessionID,
      appPart: tokens.appPart(session),
      refused,
      endsMs: Date.now() + flights.waitMaxMs,
      storedBefore: undefined,
    };
    const obtained = await newest(call, start);
    if (obtained.how !== undefined) {
      if (refused !== undefined) refusals.brought(obtained.set.token.access_token);
      await keep(call, obtained);
    }
    return tokens.shown(obtained.set);
  };

  function requireTokenSet(session: SessionRecord): TokenSet {
    const found = tokens.read(session);
    if (found.kind === 'unreadable') {
      throw new ConnectError('ERR_CONNECT_CONFIG', {
        stage: 'refresh',
        reason: 'key',
        message:
          'No key of encryptionKeys opens the token of this session: add the key that sealed it to the end of the list. ' +
          'The sealed token is kept.',
      });
    }
    if (found.kind !== 'held') throw new ConnectError('ERR_CONNECT_REQUIRED', { stage: 'refresh', ...restart() });
    if (ended.has(found.set.connectionId)) throw connectionEnded();
    return found.set;
  }

  function needsRefresh(set: TokenSet, refused: string | undefined): boolean {
    return set.token.access_token === refused || isDue(set, config.refreshLeewaySeconds, Date.now());
  }

  function isUsable({ refused }: Call, set: TokenSet): boolean {
    return set.token.access_token !== refused && !isHardExpired(set, Date.now());
  }

  /** Asks for newer token sets until one is not due, or nothing newer is to be had. */
  async function newest(call: Call, start: TokenSet): Promise<Obtained> {
    let obtained: Obtained = { set: start, ageMs: 0, how: undefined };
    for (let round = 0; round < MOST_ROUNDS && needsRefresh(obtained.set, call.refused); round += 1) {
      const { set } = obtained;
      const usable = isUsable(call, set);
      if (set.token.refresh_token === undefined) {
        if (usable) return obtained;
        throw connectionEnded();
      }
      const outcome = await joinRefresh(call, set, usable);
      if (outcome === undefined) return obtained;
      if (outcome.kind === 'token') {
        // Our own token set, too young to be refreshed again.
        const isNotNewer = outcome.set.generation <= set.generation;
        if (isNotNewer && outcome.set.token.access_token === set.token.access_token) {
          // Expired while it was asked about: then youth does not help.
          if (isHardExpired(set, Date.now())) continue;
          return obtained;
        }
        // Ours lost a race of its generation: nobody else is going to write the winner into this session.
        const ageMs = isNotNewer ? WRITTEN_BY_OTHERS_MS : outcome.ageMs;
        obtained = { set: outcome.set, ageMs, how: outcome.won && !outcome.joined ? 'refreshed' : 'adopted' };
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

  /** Shares the flight of this generation or starts it. @returns undefined when nobody need wait for it */
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
        // A refusal of a token that has expired is to be expected, however young it is.
        minAgeMs:
          call.refused === set.token.access_token && !isHardExpired(set, Date.now()) ? TOO_YOUNG_TO_REFUSE_MS : 0,
        retentionMs: recordRetentionMs(sessionLifeMs(call.session.cookie, config.sessionTtlMs)),
        onWon: () => {
          call.storedBefore ??= storedAppPart(call, config);
        },
      });
    if (!usable) flight.patient = true;
    const outcome = await valueBefore(call.endsMs, flight.outcome);
    if (outcome !== undefined) return { ...outcome, joined: flying !== undefined };
    if (usable) return undefined;
    throw notNow({ kind: 'wait' }, restart());
  }

  /**
   * Goes on without a refresh: with a newer set from the store, or (undefined) with the one at hand.
   * @throws ConnectError when that one is not usable
   */
  async function fallBack(
    call: Call,
    obtained: Obtained,
    outcome: Exclude<RefreshOutcome, { kind: 'token' }>,
  ): Promise<Obtained | undefined> {
    // Disconnected while it waited: whatever the provider said in between.
    if (ended.has(obtained.set.connectionId)) throw connectionEnded('revoked');
    if (outcome.kind === 'dead' || outcome.kind === 'revoked') {
      // First, so that a newer copy of it in the store does not count.
      if (outcome.kind === 'revoked') ended.add(obtained.set.connectionId);
      const newer = await newerInStore(call, obtained.set);
      if (newer !== undefined) return { set: newer, ageMs: 0, how: 'adopted' };
      if (outcome.kind === 'dead' && isUsable(call, obtained.set)) return undefined;
      await clearStored(call, obtained.set, config);
      throw outcome.kind === 'dead'
        ? connectionEnded(readWord(outcome.word).word, outcome)
        : connectionEnded('revoked');
    }
    if (isUsable(call, obtained.set)) return undefined;
    // The refresh was refused, but may work later: the token stays, and the visitor is asked to sign in.
    if (outcome.kind !== 'backoff') throw notNow(outcome, restart());
    const { word, apiCode } = readWord(outcome.word);
    const status = overriddenStatus(apiCode, config);
    throw word === 'refused'
      ? connectionEnded(word, { ...outcome, status })
      : notNow({ ...outcome, word }, { ...restart(), ...(status === undefined ? {} : { status }) });
  }

  /** A newer token set that another request has put into this session, if any. */
  async function newerInStore({ req, sessionId }: Call, set: TokenSet): Promise<TokenSet | undefined> {
    // What the store holds under the id of a new session is another visitor's, should `genid` repeat itself.
    if (!cameWithSession(req)) return undefined;
    const document = await readStored(req, sessionId, 'refresh', config).catch(() => undefined);
    const found = document === undefined ? undefined : tokens.readDocument(document);
    if (found?.kind !== 'held' || ended.has(found.set.connectionId)) return undefined;
    const isNewer = found.set.connectionId !== set.connectionId || found.set.generation > set.generation;
    return isNewer ? found.set : undefined;
  }

  async function keep(call: Call, { set, how, ageMs }: Obtained): Promise<void> {
    // A disconnect may have come in between; then nothing may bring the token back.
    if (ended.has(set.connectionId)) throw connectionEnded('revoked');
    if (how === 'adopted') {
      emit(config.onEvent, {
        type: 'adopted',
        connection: connectionHash(set.connectionId),
        generation: set.generation,
      });
    }
    tokens.hold(call.session, set);
    if (how === 'adopted' && ageMs < WRITTEN_BY_OTHERS_MS) return;
    // A slow store does not hold up a request that has a token: the write goes on, and a request with the older copy adopts.
    const storedBefore = how === 'refreshed' ? call.storedBefore : undefined;
    await valueBefore(
      call.endsMs,
      Promise.resolve(storedBefore).then((before) => persist(call, set, before, config)),
    );
  }

  function connectionEnded(reason?: string, { reference, status }: FailureDetails = {}): ConnectError {
    return new ConnectError('ERR_CONNECT_EXPIRED', {
      stage: 'refresh',
      ...restart(),
      ...(reason === undefined ? {} : { reason }),
      ...(reference === undefined ? {} : { reference }),
      ...(status === undefined ? {} : { status }),
    });
  }

  function restart(): { loginUrl?: string } {
    return config.loginUrl === undefined ? {} : { loginUrl: config.loginUrl };
  }
}

function storedAppPart({ req, sessionId }: Call, config: TokenSourceConfig): Promise<string | undefined> {
  return readStored(req, sessionId, 'refresh', config)
    .then((document) => (document === undefined ? undefined : config.tokens.appPart(document)))
    .catch(() => undefined);
}

/** @returns undefined when `work` takes longer */
function valueBefore<T>(endsMs: number, work: Promise<T>): Promise<T | undefined> {
  return within(Math.max(0, endsMs - Date.now()), work, () => {
    debug('refresh', 'too slow');
    return undefined;
  });
}
