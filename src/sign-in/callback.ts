import type { Request, RequestHandler, Response } from 'express';
import { emit } from '../errors/emit';
import { connectedEvent } from '../errors/events';
import { knownExpiry } from '../refresh/due';
import { sessionLifeMs } from '../ledger/retention';
import type { Config } from '../options/read';
import type { Connections } from '../refresh/connections';
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
  Pick<Connections, 'endConnection'> & { readonly exchange: CodeExchange };

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
    // Checked again: other code can change what the session store holds.
    res.status(302).set('Location', safeReturnTo(result.returnTo, config) ?? config.afterConnect);
    session.send(res);
  });
}

/** Claims the sign-in, exchanges the code, asks the app, and moves the visitor to a new session. */
async function signIn(
  req: Request,
  session: VisitorSession,
  answer: Answer,
  config: CallbackConfig,
): Promise<CallbackResult> {
  let releaseSlot = (): void => undefined;
  try {
    const claim = await claimSignIn(session, answer, config, () => {
      releaseSlot = config.exchange.begin();
    });
    if (claim.kind !== 'won') return claim;
    const set = await config.exchange.redeem(claim.answer.code, claim.signIn.verifier);
    // Slots limit exchanges only: onConnect may take long.
    releaseSlot();
    return await connect(req, session, { ...claim, set }, config);
  } finally {
    releaseSlot();
  }
}

async function connect(req: Request, session: VisitorSession, grant: Grant, config: CallbackConfig): Promise<Finished> {
  const { signIn, set } = grant;
  const { connectionId } = set;
  try {
    const appWork = await consent(req, session, set, config);
    const { sessionId, replaced } = await moveToNewSession(session, { ...grant, ...appWork }, config);
    // Not awaited: the token of the connection that it ends has left the session already.
    if (replaced !== undefined) void config.endConnection(replaced, 'replaced').catch(() => undefined);
    emit(config.onEvent, connectedEvent(connectionId));
    return { kind: 'finished', sessionId, connectionId, returnTo: signIn.returnTo };
  } catch (error) {
    // Nobody received this token; the store may have saved it despite its error.
    const lifeMs = sessionLifeMs(session.current()?.cookie, config.sessionTtlMs);
    void config.endConnection({ connectionId, expiresAt: knownExpiry(set), lifeMs }).catch(() => undefined);
    throw error;
  }
}

/**
 * Has the visitor go on where a sign-in has ended. Whoever presents the old session, or the very cookie of it, with state
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
    if (stored === undefined || config.connectionIn(stored) !== result.connectionId) throw stateError('used');
    session.join(result.sessionId, stored);
  }
  return result;
}
