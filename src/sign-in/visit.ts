import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { emitAnswer } from '../errors/emit';
import { answerError } from '../web/respond';
import {
  AT_ONCE_SECONDS,
  ConnectError,
  PRIVATE_HEADERS,
  isConnectError,
  withLoginUrl,
  type ConnectStage,
} from '../errors/connect-error';
import type { Config } from '../options/read';
import { isPart, isPrefetch } from '../web/request-kind';
import { detach } from '../session/store';
import type { SignInParts } from './parts';

/** What a route needs to answer failures. */
export type VisitConfig = Pick<Config, 'renderErrors' | 'renderError' | 'homeUrl' | 'onEvent' | 'loginUrl'> &
  Pick<SignInParts, 'owners'>;

const HEADERS = Object.entries(PRIVATE_HEADERS);

/** One route of this package. */
export interface Route {
  /** Name of the handler, in stack traces and router dumps. */
  readonly name: string;
  readonly stage: ConnectStage;
  readonly method: 'GET' | 'POST';
}

/**
 * Makes a route handler that serves real visits by one method and turns every failure into an answer. HEAD, prefetches,
 * parts of foreign pages and other methods never reach `visit`: they must not start, redeem or end anything.
 */
export function visitHandler(
  route: Route,
  config: VisitConfig,
  visit: (req: Request, res: Response) => Promise<void>,
): RequestHandler {
  async function serve(req: Request, res: Response): Promise<void> {
    admit(req, route);
    await visit(req, res);
  }
  const handler = function handleVisit(req: Request, res: Response, next: NextFunction): void {
    for (const [name, value] of HEADERS) res.setHeader(name, value);
    if (req.method === 'OPTIONS') {
      res.status(204).set('Allow', route.method).end();
      return;
    }
    serve(req, res)
      .catch((error: unknown) => fail(error, req, res, next, config))
      // Answering itself failed, for example because the app's own ConnectError has an invalid status.
      .catch(next);
  };
  Object.defineProperty(handler, 'name', { value: route.name });
  return handler;
}

/** Lets only a visit by the method pass. @throws ConnectError */
function admit(req: Request, { stage, method }: Route): void {
  if (req.method !== method) {
    throw new ConnectError('ERR_CONNECT_METHOD', {
      stage,
      message: `The route answers ${method} only.`,
      headers: { Allow: method },
    });
  }
  // Browsers load nothing in advance by POST.
  if (method === 'GET') {
    if (isPrefetch(req)) throw new ConnectError('ERR_CONNECT_PREFETCH', { stage, retryAfterSeconds: AT_ONCE_SECONDS });
    if (isPart(req)) throw foreignLoad(stage);
  }
}

/** For a load that is not a visit by a person. */
export function foreignLoad(stage: ConnectStage): ConnectError {
  return new ConnectError('ERR_CONNECT_ORIGIN', {
    stage,
    reason: 'foreign',
    message: 'A page loads this address as a part of itself. Use a link or a redirect to it instead.',
  });
}

function fail(thrown: unknown, req: Request, res: Response, next: NextFunction, config: VisitConfig): void {
  if (!isConnectError(thrown)) {
    next(thrown);
    return;
  }
  const error = withLoginUrl(thrown, config.loginUrl);
  emitAnswer(config.onEvent, error, res, config.owners.nameIn(req));
  // The store is in trouble: express-session must not wait for it, or write what this request left unfinished.
  if (error.code === 'ERR_CONNECT_STORE') detach(req);
  if (!config.renderErrors || res.headersSent) next(error);
  else answerError(error, req, res, config);
}
