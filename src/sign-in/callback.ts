import { randomBytes } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { debug } from '../errors/debug';
import { ConnectError, isConnectError } from '../errors/connect-error';
import { emit, emitExchange } from '../errors/emit';
import { connectedEvent } from '../errors/events';
import { errorFromCallback } from '../provider/errors/callback-error';
import type { TokenEndpoint } from '../provider/token/token-endpoint';
import { readCallbackQuery, readParameter, type CallbackQuery, type Parameter } from '../web/query';
import { knownExpiry, lifetimeSeconds } from '../refresh/due';
import { sessionLifeMs, type Ending } from '../ledger/retention';
import { safeReturnTo, type ReturnToRules } from '../web/return-to';
import { detach, endDetached, letGo, readStored, type SessionRecord } from '../session/store';
import { presentedBy, type Presented } from '../session/cookie';
import { watchSession, type SessionWatch } from '../session/gone-sessions';
import type { ConnectToken, TokenSet } from '../session/connect-token';
import { claimState, isConnectedBy, type ClaimConfig } from './claim-state';
import { consent, type ConsentConfig } from './consent';
import type { ExchangeLimit } from './exchange-limit';
import type { Answer, Flights, Landing, Outcome } from './flights';
import type { PendingEntry } from './pending-sign-ins';
import { moveToNewSession, type NewSessionConfig } from './new-session';
import { stateError } from './state-error';
import { holdsOurs } from './strip-session';
import { visitHandler, type VisitConfig } from './visit';

/** What finishing a sign-in needs. */
export interface CallbackConfig extends VisitConfig, ClaimConfig, ConsentConfig, NewSessionConfig, ReturnToRules {
  readonly allowMissingState: boolean;
  readonly issuer?: string | undefined;
  readonly statusByApiCode: Readonly<Record<string, number>>;
  readonly afterConnect: string;
  readonly sessionTtlMs?: number | undefined;
  /** Milliseconds for the exchange. */
  readonly timeoutMs: number;
  readonly session: (req: Request, stage: 'callback') => SessionRecord;
  readonly endpoint: TokenEndpoint;
  readonly flights: Flights;
  readonly exchanges: ExchangeLimit;
  /**
   * Claims a name over all processes. @returns true to the first caller only
   * @throws ConnectError `ERR_CONNECT_LEDGER` when nobody can say
   */
  readonly claimOnce: (name: string, ttlMs: number) => Promise<boolean>;
  /** Lets every process know that a callback came with this cookie; a failure changes nothing. */
  readonly announceMove: (cookie: string, ttlMs: number) => void;
  /** Ends a connection for good; without a reason the app is not told. */
  readonly endConnection: (ending: Ending, reason?: 'replaced') => Promise<void>;
}

/** For the session store and `onConnect`, and for a disconnect that was sent with the old cookie. */
const AFTER_EXCHANGE_MS = 60_000;

/** The handler that finishes a sign-in: verifies, spends the state, exchanges the code, moves to a new session. */
export function callbackHandler(config: CallbackConfig): RequestHandler {
  return visitHandler({ name: 'connectCallback', stage: 'callback', method: 'GET' }, config, (req, res) =>
    callback(req, res, config),
  );
}

async function callback(req: Request, res: Response, config: CallbackConfig): Promise<void> {
  const query = readCallbackQuery(req.originalUrl);
  if (query.state.kind === 'bad') throw callbackError('state', query.state.fault);
  if (query.state.kind === 'absent' && query.code.kind === 'absent' && query.error.kind === 'absent') {
    throw callbackError('empty');
  }
  const session = config.session(req, 'callback');
  if (query.state.kind === 'absent' && !config.allowMissingState) throw stateError('missing');
  const code = isFromIssuer(req, config) ? usableCode(query) : undefined;
  const outcome = await (
    code === undefined
      ? conclude(req, session, query, config)
      : exchanged(req, session, { state: valueOf(query.state) ?? '', code }, config)
  ).catch(letGo(req));
  if (outcome.kind === 'landed' && req.sessionID !== outcome.sessionId)
    await join(req, outcome, config).catch(letGo(req));
  // The other process hands out the session; ours here is the old one.
  if (outcome.kind === 'elsewhere') detach(req);
  redirect(req, res, outcome.returnTo, config);
}

/** Handles an answer without a usable code: a replay may still land, anything else fails after the state is spent. */
async function conclude(
  req: Request,
  session: SessionRecord,
  query: CallbackQuery,
  config: CallbackConfig,
): Promise<Outcome> {
  const claim = await claimState(req, session, { state: valueOf(query.state), beforeSpent: undefined }, config);
  if (claim.kind === 'replay') return claim;
  // Before the answer is believed, an error included (RFC 9207 §2.4); the state is spent by now.
  if (!isFromIssuer(req, config)) throw callbackError('issuer');
  const refusal = valueOf(query.error);
  if (refusal === undefined || query.code.kind !== 'absent') throw callbackError('parameters', faultOf(query));
  throw errorFromCallback(refusal, config.statusByApiCode);
}

/** Joins the flight of an identical callback, or begins one. */
function exchanged(req: Request, session: SessionRecord, answer: Answer, config: CallbackConfig): Promise<Outcome> {
  const visitor = presentedBy(req, holdsOurs(session, config));
  // No await before a flight is registered: of identical callbacks at once exactly one may find none.
  return (
    config.flights.find(visitor, answer) ??
    config.flights.start(visitor, answer, () => begin(req, session, visitor, answer, config))
  );
}

async function begin(
  req: Request,
  session: SessionRecord,
  visitor: Presented,
  answer: Answer,
  config: CallbackConfig,
): Promise<Outcome> {
  const watch = watchSession(req);
  let giveBack = (): void => undefined;
  const beforeSpent = (): void => {
    config.endpoint.checkRest();
    giveBack = config.exchanges.take();
  };
  try {
    const state = answer.state === '' ? undefined : answer.state;
    const claim = await claimState(req, session, { state, beforeSpent }, config);
    if (claim.kind === 'replay') return claim;
    const { entry } = claim;
    // Another process may have read the same session before either of us had saved it, and a slow request that saves its
    // old copy of the session brings a sign-in back that is spent.
    if (!(await config.claimOnce(entry.h, config.pendingTtlMs))) {
      if (config.flights.hasOthers(answer)) throw stateError('used');
      debug('callback', 'claimed_elsewhere');
      return { kind: 'elsewhere', returnTo: entry.r };
    }
    // Nobody waits for this: the ledger hears it before it is asked again, after the exchange.
    if (visitor.verified !== undefined) config.announceMove(visitor.verified, config.timeoutMs + AFTER_EXCHANGE_MS);
    const token = await exchangedToken(answer.code, entry.v, config);
    giveBack();
    return await finish(req, { entry, set: newConnection(token), visitor, watch }, config);
  } finally {
    giveBack();
    watch.stop();
  }
}

/** Dated now: how long it lives is not to be told from what `onConnect` leaves of that. */
function newConnection(token: ConnectToken): TokenSet {
  const connectionId = randomBytes(16).toString('base64url');
  return { token, connectionId, generation: 0, lifetimeSeconds: lifetimeSeconds(token, Date.now()) };
}

async function exchangedToken(
  code: string,
  verifier: string | undefined,
  config: CallbackConfig,
): Promise<ConnectToken> {
  const startedMs = performance.now();
  let status: number | undefined;
  try {
    const token = await config.endpoint.exchange(code, verifier, {
      onAnswer: (httpStatus) => {
        status = httpStatus;
      },
    });
    emitExchange(config.onEvent, { startedMs, status, error: undefined });
    return token;
  } catch (error) {
    if (isConnectError(error)) emitExchange(config.onEvent, { startedMs, status, error });
    throw error;
  }
}

interface Exchanged {
  readonly entry: PendingEntry;
  readonly set: TokenSet;
  /** As the callback's request showed its session. */
  readonly visitor: Presented;
  readonly watch: SessionWatch;
}

async function finish(req: Request, exchanged: Exchanged, config: CallbackConfig): Promise<Landing> {
  const { entry, set, watch } = exchanged;
  const { connectionId } = set;
  try {
    const consented = await consent(req, set, watch, config);
    const { sessionId, replaced } = await moveToNewSession(req, { ...exchanged, ...consented }, config);
    // Nobody waits for this: the token that it ends has left the session already.
    if (replaced !== undefined) void config.endConnection(replaced, 'replaced').catch(() => undefined);
    emit(config.onEvent, connectedEvent(connectionId, Date.now()));
    return { kind: 'landed', sessionId, connectionId, returnTo: entry.r };
  } catch (error) {
    // Nobody may use what nobody was given, also if a store has written in spite of its error.
    const { cookie } = (req as { session?: { cookie?: unknown } | null }).session ?? {};
    const ending = { connectionId, expiresAt: knownExpiry(set), lifeMs: sessionLifeMs(cookie, config.sessionTtlMs) };
    void config.endConnection(ending).catch(() => undefined);
    throw error;
  }
}

/**
 * Ends a duplicate of a finished callback in the new session, with its cookie: the browser may have dropped the first
 * answer. Whoever presents the old session, or the very cookie of it, with state and code could have finished the sign-in.
 */
async function join(req: Request, landing: Landing, config: CallbackConfig): Promise<void> {
  const stored = await readStored(req, landing.sessionId, 'callback', config);
  if (stored === undefined || !isConnectedBy(landing.connectionId, stored, config)) throw stateError('used');
  req.sessionID = landing.sessionId;
  (req.sessionStore as unknown as { createSession(req: Request, data: unknown): void }).createSession(req, stored);
}

/** The session is saved by now; the landing place is checked again, because the store is not ours alone. */
function redirect(req: Request, res: Response, returnTo: string, config: CallbackConfig): void {
  res.status(302).set('Location', safeReturnTo(returnTo, config) ?? config.afterConnect);
  endDetached(req, res);
}

/** The code, when the answer is a code and nothing else. */
function usableCode(query: CallbackQuery): string | undefined {
  return query.error.kind === 'absent' ? valueOf(query.code) : undefined;
}

function valueOf(parameter: Parameter): string | undefined {
  return parameter.kind === 'value' ? parameter.value : undefined;
}

/** An answer without `iss` is accepted: the provider does not say whether it always sends it. */
function isFromIssuer(req: Request, { issuer }: CallbackConfig): boolean {
  const iss = readParameter(req.originalUrl, 'iss');
  return issuer === undefined || iss.kind === 'absent' || valueOf(iss) === issuer;
}

function faultOf({ code, error }: CallbackQuery): string | undefined {
  return [code, error]
    .map((part) => (part.kind === 'bad' ? part.fault : undefined))
    .find((fault) => fault !== undefined);
}

function callbackError(reason: 'state' | 'empty' | 'parameters' | 'issuer', message?: string): ConnectError {
  return new ConnectError('ERR_CONNECT_CALLBACK', {
    stage: 'callback',
    reason,
    ...(message === undefined ? {} : { message }),
  });
}
