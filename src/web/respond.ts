import type { Request, Response } from 'express';
import type { Anything } from '../base/anything';
import { ERROR_PAGE_CSP, errorPage } from './error-page';
import { referenceOf, type ConnectError } from '../errors/connect-error';
import { isShownToPerson } from './request-kind';

/**
 * Answers a request with the app's own error page; status and headers are already set. What it returns is awaited and
 * otherwise ignored.
 */
export type RenderError = (error: ConnectError, req: Request, res: Response) => Anything;

/** How errors are answered. */
export interface AnswerConfig {
  /** Without it, or when it fails, the standard page or problem+json is sent. */
  readonly renderError?: RenderError | undefined;
  /** Linked on pages that offer nothing else. */
  readonly homeUrl?: string | undefined;
}

/**
 * Sends the HTTP answer of an error. Status and headers are set before `renderError` is called; if that throws or
 * rejects before it has begun to answer, the standard answer is sent.
 */
export function answerError(error: ConnectError, req: Request, res: Response, config: AnswerConfig): void {
  const { renderError, homeUrl } = config;
  res
    .status(error.status)
    .set(error.headers)
    .set('X-Content-Type-Options', 'nosniff')
    .vary('Accept')
    .vary('Sec-Fetch-Mode');
  const fallBack = (): void => {
    if (!res.headersSent) standardAnswer(error, req, res, homeUrl);
    // The response has started: destroy it so that the client does not hang.
    else if (!res.writableEnded) res.destroy();
  };
  if (renderError === undefined) {
    fallBack();
    return;
  }
  try {
    Promise.resolve(renderError(error, req, res)).catch(fallBack);
  } catch {
    fallBack();
  }
}

function standardAnswer(error: ConnectError, req: Request, res: Response, homeUrl: string | undefined): void {
  // A failed render may have begun to describe another answer.
  res.status(error.status);
  if (isShownToPerson(req)) {
    res.set('Content-Security-Policy', ERROR_PAGE_CSP);
    send(res, 'text/html; charset=utf-8', errorPage(error, homeUrl));
  } else {
    send(res, 'application/problem+json', JSON.stringify(problem(error)));
  }
}

/** Not `res.send`: an ETag on an error is of no use, and problem+json has no parameter `charset` (RFC 9457 §3). */
function send(res: Response, type: string, body: string): void {
  res.setHeader('Content-Type', type);
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}

/** A name, not an address (RFC 9457 §3.1.5): the bare reference would be taken for a path of this site. */
function instanceOf(error: ConnectError): string | undefined {
  const reference = referenceOf(error);
  return reference === undefined ? undefined : `urn:express-connect-auth:failure:${reference}`;
}

/** The members of RFC 9457 §3.1 and this package's own. */
function problem(error: ConnectError): Record<string, unknown> {
  return {
    type: `urn:express-connect-auth:error:${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.detail,
    instance: instanceOf(error),
    code: error.code,
    reason: error.reason,
    apiCode: error.provider?.apiCode,
    loginUrl: error.loginUrl,
    retryAfter: error.retryAfterSeconds,
  };
}
