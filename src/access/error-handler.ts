import type { ErrorRequestHandler, NextFunction, Request, Response } from 'express';
import { emitAnswer } from '../errors/emit';
import { isRequest } from '../checks/given-request';
import { ConnectError, isConnectError, withLoginUrl } from '../errors/connect-error';
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
  /** A page of this site; error pages without another link show a link to it. */
  readonly homeUrl?: string | undefined;
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
  const { render, ...others } = ownOnly(options);
  return errorMiddleware({ ...others, renderError: render, renderErrors: true, nameIn: () => undefined });
}

/** How an error middleware answers and reports. */
export interface ErrorMiddlewareConfig extends AnswerConfig, Pick<ConnectErrorHandlerOptions, KnownOptions> {
  /** `false`: errors are passed on, those of axios translated. */
  readonly renderErrors: boolean;
  /** Name of the user whom a request is about. */
  readonly nameIn: (req: Request) => string | undefined;
}

type KnownOptions = 'onEvent' | 'statusByApiCode' | 'loginUrl';

/** Makes an error middleware. */
export function errorMiddleware(config: ErrorMiddlewareConfig): ConnectErrorMiddleware {
  const { onEvent, statusByApiCode, loginUrl, renderErrors, nameIn } = config;
  return function connectErrors(error: unknown, req: Request, res: Response, next: NextFunction): void {
    const found = isConnectError(error) ? error : errorFromAxios(error, { statusByApiCode, loginUrl });
    if (found === undefined || res.headersSent) {
      next(error);
      return;
    }
    const known = withLoginUrl(found, loginUrl);
    emitAnswer(onEvent ?? (isHeard(req) ? heardElsewhere : undefined), known, res, nameIn(req));
    if (renderErrors) answerError(known, req, res, config);
    else next(known);
  };
}

/** The app has chosen in `connectAuth()` how it learns of failures. */
function heardElsewhere(): void {
  // Nothing is written to stderr.
}
