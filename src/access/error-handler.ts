import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express';
import { emitAnswer, SILENCE } from '../errors/emit';
import { isRequest } from '../checks/given-request';
import { ConnectError, connectsAgain, isConnectError, withLoginUrl } from '../errors/connect-error';
import type { ConnectEventListener } from '../errors/events';
import { isHeard } from '../errors/operator';
import { ownOnly } from '../base/own';
import { errorFromAxios, type ConnectErrorFromOptions } from '../provider/api/fetched-answer';
import { answerError, type AnswerConfig, type RenderError } from '../web/respond';

/** Error middleware of Express. An interface of this package, so that declarations of an app can name it. */
export interface ConnectErrorMiddleware extends ErrorRequestHandler {
  /** Answers a ConnectError, and passes everything else on. */
  (error: unknown, req: Request, res: Response, next: NextFunction): void;
}

/** Options of {@link connectErrorHandler}. */
export interface ConnectErrorHandlerOptions {
  /** Answers in the app's own look; if it throws, the standard answer is sent. */
  readonly render?: RenderError | undefined;
  /**
   * Gets an event `error` for errors that no event has reported yet: those that the app has made itself, and those of
   * axios.
   */
  readonly onEvent?: ConnectEventListener | undefined;
  /** As option `statusByApiCode` of `connectAuth()`, for errors of axios. */
  readonly statusByApiCode?: ConnectErrorFromOptions['statusByApiCode'];
  /** Where a visitor whose connection has ended can connect again, for errors of axios. */
  readonly loginUrl?: string | undefined;
}

const UNCALLED =
  'connectErrorHandler was passed to app.use() without being called: write app.use(connectErrorHandler()).';

/**
 * Error middleware for the app's own routes: turns each `ConnectError` into its HTTP answer, a page for a page load or
 * a form, and problem+json (RFC 9457) for a script. An error of axios with a response is answered as `client(req)`
 * would have translated it, whichever service it came from; nothing of it is shown. Other errors, and errors after an
 * answer has begun, are passed on. With one instance only, use `connect.errorHandler()`, which knows its options.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` if it was passed to Express instead of being called
 */
export function connectErrorHandler(options: ConnectErrorHandlerOptions = {}): ConnectErrorMiddleware {
  if (isRequest(options)) throw new ConnectError('ERR_CONNECT_OPTIONS', { stage: 'options', message: UNCALLED });
  const { render, onEvent, statusByApiCode, loginUrl } = ownOnly(options);
  return errorMiddleware({
    renderError: render,
    renderErrors: true,
    statusByApiCode,
    loginUrl,
    // If the app has chosen in connectAuth() how it learns of failures, nothing is written to stderr.
    listener: (req) => onEvent ?? (isHeard(req) ? SILENCE : undefined),
    nameIn: () => undefined,
  });
}

/** How an error middleware answers and reports. */
export interface ErrorMiddlewareConfig
  extends AnswerConfig, Pick<ConnectErrorHandlerOptions, 'statusByApiCode' | 'loginUrl'> {
  /** `false`: errors are passed on, those of axios translated. */
  readonly renderErrors: boolean;
  readonly listener: (req: Request) => ConnectEventListener | undefined;
  /** Name of the user whom a request is about. */
  readonly nameIn: (req: Request) => string | undefined;
}

/** Makes an error middleware. */
export function errorMiddleware(given: ErrorMiddlewareConfig): ConnectErrorMiddleware {
  const config = ownOnly(given);
  const { listener, statusByApiCode, loginUrl, renderErrors, nameIn } = config;
  return function connectErrors(error: unknown, req: Request, res: Response, next: NextFunction): void {
    const known = isConnectError(error) ? error : errorFromAxios(error, { statusByApiCode, loginUrl });
    if (known === undefined || res.headersSent) {
      next(known ?? error);
      return;
    }
    const answer = connectsAgain(known) ? withLoginUrl(known, loginUrl) : known;
    emitAnswer(listener(req), answer, res, nameIn(req));
    if (renderErrors) answerError(answer, req, res, config);
    else next(answer);
  };
}
