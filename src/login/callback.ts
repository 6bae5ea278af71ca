import { randomBytes } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import { debug } from '../debug';
import { ConnectError, isConnectError } from '../errors';
import { connectedEvent, emit } from '../events';
import { errorFromCallback } from '../provider/callback-error';
import type { TokenEndpoint } from '../provider/token-endpoint';
import { readCallbackQuery, readParameter, type CallbackQuery, type Parameter } from '../query';
import { safeReturnTo, type ReturnToRules } from '../return-to';
import {
  adoptStored,
  detach,
  endDetached,
  letGo,
  lockPatience,
  readStored,
  saveSession,
  type SessionRecord,
  type StoredSession,
} from '../session';
import { presentedBy, type Presented } from '../session-cookie';
import { withSessionLock } from '../session-lock';
import type { ConnectToken, TokenSet } from '../token';
import { watchAppChanges, type AppChanges } from './app-changes';
import type { ExchangeLimit } from './exchange-limit';
import type { Answer, Flights, Landing, Outcome, Replay } from './flights';
import {
  findAttempt,
  hashState,
  readAttempts,
  solePending,
  withSpent,
  type Attempts,
  type PendingEntry,
  type SpentMark,
} from './login-attempt';
import { moveToNewSession, type NewSessionConfig } from './new-session';
import { visitHandler, type VisitConfig } from './visit';

/** What finishing a sign-in needs. */
export interface CallbackConfig extends VisitConfig, NewSessionConfig, ReturnToRules {
  readonly allowMissingState: boolean;
  readonly issuer?: string | undefined;
  readonly statusByApiCode: Readonly<Record<string, number>>;
  readonly afterConnect: string;
  /** Binds states to this instance. */
  readonly instance: string;
  readonly onConnect?: ((req: Request, token: ConnectToken) => void | Promise<void>) | undefined;
  /** A token set as the app gets it. */
  readonly shownToken: (set: TokenSet) => ConnectToken;
  readonly session: (req: Request, stage: 'callback') => SessionRecord;
  readonly endpoint: TokenEndpoint;
  readonly flights: Flights;
  readonly exchanges: ExchangeLimit;
  /**
   * Claims a name over all processes. @returns true to the first caller only
   * @throws ConnectError `ERR_CONNECT_LEDGER` when nobody can say
   */
  readonly claimOnce: (name: string, ttlMs: number) => Promise<boolean>;
  /** Ends a connection for good. */
  readonly endConnection: (lineage: string, reason: 'replaced') => Promise<void>;
}

/** A state that proved to be ours: a sign-in to finish, or one that this very session has finished before. */
type Claim = { readonly kind: 'won'; readonly entry: PendingEntry } | Replay;

/** The handler that finishes a sign-in: verifies, spends the state, exchanges the code, moves to a new session. */
export function callbackHandler(config: CallbackConfig): RequestHandler {
  return visitHandler({ name: 'connectCallback', stage: 'callback', method: 'GET' }, config, (req, res) =>
    callback(req, res, config),
  );
}

async function callback(req: Request, res: Response, config: CallbackConfig): Promise<void> {
  const query = readCallbackQuery(req.originalUrl);
  if (query.state.kind === 'bad') throw callbackError('state');
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
  const claim = await claimState(req, session, { state: valueOf(query.state) }, config);
  if (claim.kind === 'replay') return claim;
  // Before the answer is believed, an error included (RFC 9207 §2.4); the state is spent by now.
  if (!isFromIssuer(req, config)) throw callbackError('issuer');
  const refusal = valueOf(query.error);
  if (refusal === undefined || query.code.kind !== 'absent') throw callbackError('parameters');
  throw errorFromCallback(refusal, config.statusByApiCode);
}

/** Joins the flight of an identical callback, or begins one. */
function exchanged(req: Request, session: SessionRecord, answer: Answer, config: CallbackConfig): Promise<Outcome> {
  const visitor = presentedBy(req);
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
  let giveBack = (): void => undefined;
  const beforeSpent = (): void => {
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
    const token = await config.endpoint.exchange(answer.code, entry.v);
    giveBack();
    return await finish(req, { entry, token, visitor }, config);
  } finally {
    giveBack();
  }
}

/**
 * Verifies the state and spends it. What the store holds afterwards no longer contains the sign-in,
 * so the code cannot be exchanged twice; if that save fails, nothing is spent.
 * @param beforeSpent - called when all is well and nothing is written yet; what it throws leaves the sign-in as it was
 */
async function claimState(
  req: Request,
  session: SessionRecord,
  { state, beforeSpent }: { readonly state: string | undefined; readonly beforeSpent?: () => void },
  config: CallbackConfig,
): Promise<Claim> {
  // Without any sign-in of ours in the session there is nothing to read, write or wait for.
  if (readAttempts(session[config.pendingKey]) === undefined) throw stateError('no_session');
  return withSessionLock(req.sessionStore, req.sessionID, lockPatience('callback', config), async () => {
    const stored = await readStored(req, req.sessionID, 'callback', config);
    const attempts = stored === undefined ? undefined : readAttempts(stored[config.pendingKey]);
    if (stored === undefined || attempts === undefined) throw stateError('no_session');
    const found = findState(attempts, state, config);
    if (found.kind === 'spent') return replayOf(found.mark, stored, config);
    if (found.kind !== 'pending') throw stateError(found.kind);
    beforeSpent?.();
    const now = Date.now();
    adoptStored(session, stored, [config.sessionKey, config.lineageKey]);
    session[config.pendingKey] = withSpent(attempts, { h: found.entry.h, at: now }, now, config.pendingTtlMs);
    await saveSession(req, session, 'callback', config);
    return { kind: 'won', entry: found.entry };
  });
}

function findState(
  attempts: Attempts,
  state: string | undefined,
  config: CallbackConfig,
): ReturnType<typeof findAttempt> {
  const now = Date.now();
  if (state !== undefined) return findAttempt(attempts, hashState(state, config.instance), now, config.pendingTtlMs);
  const entry = solePending(attempts, now, config.pendingTtlMs);
  if (entry === undefined) throw stateError('missing');
  return { kind: 'pending', entry };
}

/** Back button or reload in the session that this sign-in connected: lands where it landed, without the provider. */
function replayOf(mark: SpentMark, stored: StoredSession, config: CallbackConfig): Claim {
  if (mark.r === undefined || mark.l === undefined || !isConnectedBy(mark.l, stored, config)) throw stateError('used');
  return { kind: 'replay', returnTo: mark.r };
}

function isConnectedBy(lineage: string, stored: StoredSession, config: CallbackConfig): boolean {
  return config.lineageIn(stored) === lineage;
}

interface Exchanged {
  readonly entry: PendingEntry;
  readonly token: ConnectToken;
  /** As the callback's request showed its session. */
  readonly visitor: Presented;
}

async function finish(req: Request, { entry, token, visitor }: Exchanged, config: CallbackConfig): Promise<Landing> {
  const lineage = randomBytes(16).toString('base64url');
  const changes = await consent(req, { token, lineage, generation: 0 }, config);
  const { sessionId, replaced } = await moveToNewSession(req, { entry, token, lineage, changes, visitor }, config);
  // Nobody waits for this: the token that it ends has left the session already.
  if (replaced !== undefined) void config.endConnection(replaced, 'replaced').catch(() => undefined);
  debug('callback', 'connected');
  emit(config.onEvent, connectedEvent(lineage, Date.now()));
  return { kind: 'landed', sessionId, lineage, returnTo: entry.r };
}

/**
 * Asks the app. What it throws may hold anything, so only a ConnectError of its own goes on.
 * @returns what it changed in the session
 */
async function consent(req: Request, set: TokenSet, config: CallbackConfig): Promise<AppChanges> {
  const { sessionID } = req;
  const changesSince = watchAppChanges(req.session as SessionRecord);
  try {
    // A copy: what the session gets is what the provider answered.
    await config.onConnect?.(req, config.shownToken(set));
  } catch (thrown) {
    throw isConnectError(thrown)
      ? atCallback(thrown)
      : new ConnectError('ERR_CONNECT_DENIED', {
          stage: 'callback',
          reason: 'on_connect',
          message: "The app's onConnect refused this sign-in.",
        });
  }
  // `destroy()` in onConnect: the visitor has no session any more that could be connected.
  if ((req as { session?: unknown }).session == null) throw stateError('no_session');
  if (req.sessionID === sessionID) return changesSince();
  // `regenerate()` in onConnect, as login code often does: the new session is in no store yet.
  await saveSession(req, req.session, 'callback', config);
  return { set: {}, removed: [] };
}

/** An error that the app made itself says nothing of where it arose. */
function atCallback(error: ConnectError): ConnectError {
  return Object.isExtensible(error) ? Object.assign(error, { stage: 'callback' }) : error;
}

/**
 * Ends a duplicate of a finished callback in the new session, with its cookie: the browser may have dropped the first
 * answer. Whoever presents the old session, or the very cookie of it, with state and code could have finished the sign-in.
 */
async function join(req: Request, landing: Landing, config: CallbackConfig): Promise<void> {
  const stored = await readStored(req, landing.sessionId, 'callback', config);
  if (stored === undefined || !isConnectedBy(landing.lineage, stored, config)) throw stateError('used');
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

function callbackError(reason: 'state' | 'empty' | 'parameters' | 'issuer'): ConnectError {
  return new ConnectError('ERR_CONNECT_CALLBACK', { stage: 'callback', reason });
}

const STATE_MESSAGES = {
  missing:
    'The callback came without state. The provider may not return it; if that is so, and after reading the ' +
    'security notes, set allowMissingState.',
  no_session:
    'The session that started this sign-in is not here. Likely causes: the cookie was not sent (sameSite, secure ' +
    'behind a proxy), the visitor came by another host than that of redirectUri (localhost is not 127.0.0.1), or a ' +
    'MemoryStore lost its sessions at a restart.',
  unknown:
    'This session has started no sign-in with this state: it belongs to another browser or instance, or was forged.',
  expired: 'The sign-in took longer than pendingTtlMs, or the clocks of this deployment disagree.',
  used: 'This state has been used before: a reload, a back button, or a replay.',
};

function stateError(reason: keyof typeof STATE_MESSAGES): ConnectError {
  return new ConnectError('ERR_CONNECT_STATE', { stage: 'callback', reason, message: STATE_MESSAGES[reason] });
}
