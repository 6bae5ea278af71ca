import type { Request, RequestHandler, Response } from 'express';
import { emit, isHeardOf } from '../errors/emit';
import { aboutConnection } from '../errors/events';
import { knownExpiry } from '../refresh/due';
import { sessionLifeMs, type Ending } from '../ledger/retention';
import type { Config } from '../options/read';
import type { Recording } from '../connections/owner-connections';
import { endingOf, type Endings } from '../refresh/endings';
import { ofOwner, type Owner } from '../session/owners';
import { safeReturnTo, type ReturnToRules } from '../web/return-to';
import { readAnswer, type Answer, type AnswerConfig } from './answer';
import type { CallbackResult, Finished } from './callback-flights';
import { claimSignIn, type ClaimConfig } from './claim';
import { consent, type ConsentConfig } from './consent';
import type { CodeExchange } from './exchange';
import { moveToNewSession, type Grant, type MoveConfig } from './move';
import type { SignInParts } from './parts';
import { stateError } from './state-error';
import { visitHandler, type VisitConfig } from './visit';
import type { VisitorSession } from './visitor-session';

/** What finishing a sign-in needs. */
export type CallbackConfig = VisitConfig &
  SignInParts &
  AnswerConfig &
  ClaimConfig &
  ConsentConfig &
  MoveConfig &
  ReturnToRules &
  Pick<Config, 'allowMissingState' | 'afterConnect' | 'sessionTtlMs'> &
  Pick<Endings, 'endConnection'> & { readonly exchange: CodeExchange };

/** The handler that finishes a sign-in: verifies, spends the state, exchanges the code, moves to a new session. */
export function callbackHandler(config: CallbackConfig): RequestHandler {
  return visitHandler({ name: 'connectCallback', stage: 'callback', method: 'GET' }, config, (req, res) =>
    callback(req, res, config),
  );
}

async function callback(req: Request, res: Response, config: CallbackConfig): Promise<void> {
  const answer = readAnswer(req.originalUrl, config);
  await config.withSession(req, 'callback', async (session) => {
    if (answer.state === undefined && !config.allowMissingState) throw stateError('missing');
    const work = (): Promise<CallbackResult> => signIn(req, session, answer, config);
    const shared = answer.code === undefined ? work() : config.flights.share(session.visitor, answer, work);
    const result = await session.detachOnFailure(shared.then((ended) => continueIn(session, ended, config)));
    res.statusCode = 302;
    res.setHeader('Location', destination(result, config));
    session.send(res);
  });
}

/** Checked again: other code can change what the session store holds. */
function destination({ returnTo }: CallbackResult, config: CallbackConfig): string {
  const { afterConnect } = config;
  return returnTo === afterConnect ? afterConnect : (safeReturnTo(returnTo, config) ?? afterConnect);
}

/** Claims the sign-in, exchanges the code, asks the app, and moves the visitor to a new session. */
async function signIn(
  req: Request,
  session: VisitorSession,
  answer: Answer,
  config: CallbackConfig,
): Promise<CallbackResult> {
  const owner = config.owners.of(req);
  let releaseSlot = (): void => undefined;
  const beforeSpent = (): void => {
    releaseSlot = config.exchange.begin();
  };
  try {
    const claim = await claimSignIn(session, answer, config, { owner, beforeSpent });
    if (claim.kind !== 'won') return claim;
    const { signIn, answer: won } = claim;
    const { verifier: codeVerifier, redirectUri = config.redirectUriOf(req) } = signIn;
    const set = await config.exchange.redeem({ code: won.code, redirectUri, codeVerifier }, owner);
    // Slots limit exchanges only: onConnect may take long.
    releaseSlot();
    // onConnect may regenerate the session, and a disconnect that finds it gone must know of the move.
    await claim.announced;
    return await connect(req, session, { signIn, answer: won, set, owner }, config);
  } finally {
    releaseSlot();
  }
}

async function connect(req: Request, session: VisitorSession, grant: Grant, config: CallbackConfig): Promise<Finished> {
  const { connectionId } = grant.set;
  let recording: Recording | undefined;
  try {
    const { changes, regenerated } = await consent(req, session, grant.set, config);
    const owner = ownerAfter(req, grant, config);
    const set = ofOwner(grant.set, owner);
    if (owner !== undefined) recording = config.connections?.recording(owner, set);
    const record = async (): Promise<unknown> => recording?.save();
    const { signIn, answer } = grant;
    const { sessionId, replaced } = await moveToNewSession(
      session,
      { signIn, answer, set, owner, changes, regenerated, record },
      config,
    );
    endReplaced([replaced, endingBefore(recording)], connectionId, config);
    if (isHeardOf(config.onEvent)) emit(config.onEvent, { type: 'connected', ...aboutConnection(set) });
    return { kind: 'finished', sessionId, connectionId, returnTo: grant.signIn.returnTo };
  } catch (error) {
    const lifeMs = sessionLifeMs(session.current()?.cookie, config.sessionTtlMs);
    const { owner } = grant.set;
    void drop({ connectionId, owner, expiresAt: knownExpiry(grant.set), lifeMs }, recording, config).catch(
      () => undefined,
    );
    throw error;
  }
}

/** Nobody received this token; the stores may have saved it despite their errors. */
async function drop(ending: Ending, recording: Recording | undefined, config: CallbackConfig): Promise<void> {
  const before = endingBefore(recording);
  // The record comes first: a process that dies in between would leave a user with the record of an ended connection.
  await recording?.undo(() => {
    if (before !== undefined) void config.endConnection(before, 'disconnected').catch(() => undefined);
  });
  await config.endConnection(ending);
}

function endingBefore(recording: Recording | undefined): Ending | undefined {
  const before = recording?.before();
  return before?.kind === 'connected' ? endingOf(before.set) : undefined;
}

const MADE_ANOTHER =
  'onConnect changed the user who is signed in, or logged them out. It may only log somebody in if nobody was signed in. ' +
  'The token was dropped.';

/**
 * Asked again: `onConnect` may have created the user, or logged them in.
 * @throws ConnectError `ERR_CONNECT_STATE` when it changed the user
 */
function ownerAfter(req: Request, { owner }: Grant, { owners }: CallbackConfig): Owner | undefined {
  const now = owners.of(req);
  if (owner !== undefined && owner.name !== now?.name) throw stateError('owner', MADE_ANOTHER);
  return now;
}

/**
 * Ends the connections that this sign-in has replaced. Not awaited: no session or record holds their tokens any more.
 */
function endReplaced(replaced: readonly (Ending | undefined)[], connectionId: string, config: CallbackConfig): void {
  const endings = new Map(replaced.map((ending) => [ending?.connectionId, ending]));
  endings.delete(connectionId);
  for (const ending of endings.values()) {
    if (ending !== undefined) void config.endConnection(ending, 'replaced').catch(() => undefined);
  }
}

/**
 * Continues in the session of a finished sign-in. Anybody with the old session, or exactly its cookie, and with state
 * and code could have finished the sign-in, so a duplicate may have the new session.
 */
async function continueIn(
  session: VisitorSession,
  result: CallbackResult,
  config: CallbackConfig,
): Promise<CallbackResult> {
  // The other process sets the new session; this request's copy is outdated.
  if (result.kind === 'elsewhere') session.detach();
  if (result.kind === 'finished' && session.current()?.id !== result.sessionId) {
    const stored = await session.read(result.sessionId);
    if (stored === undefined || config.labelIn(stored)?.connectionId !== result.connectionId) throw stateError('used');
    session.join(result.sessionId, stored);
  }
  return result;
}
