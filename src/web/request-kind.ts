import type { Request } from 'express';
import { ownOnly } from '../base/own';

/**
 * Whether a person's browser is loading a page, so that a redirect or an HTML page reaches somebody.
 * The one rule for error answers and redirects alike: a GET that is a navigation.
 */
export function isPageLoad(req: Request): boolean {
  return req.method === 'GET' && isNavigation(req);
}

/**
 * Whether a browser will show the answer as a page, by a link or a form: `Sec-Fetch-Mode: navigate` (Fetch Metadata,
 * W3C), or from a browser without that header an explicit `text/html` in Accept and no `X-Requested-With`.
 */
export function isNavigation(req: Request): boolean {
  const headers = headersOf(req);
  const mode = headers['sec-fetch-mode'];
  if (mode !== undefined) return mode === 'navigate';
  return /\btext\/html\b/iu.test(headers.accept ?? '') && headers['x-requested-with'] === undefined;
}

/** Whether a person will look at the answer: a page load, or a form that a browser says it has sent. */
export function isShownToPerson(req: Request): boolean {
  return isPageLoad(req) || (req.method === 'POST' && headersOf(req)['sec-fetch-mode'] === 'navigate');
}

/** Headers whose value says that a load is in advance. */
const PURPOSES = ['sec-purpose', 'x-sec-purpose', 'purpose', 'x-purpose', 'x-moz'];
/** Headers that say so by being there: of the router of Next.js, and of htmx with its extension `preload`. */
const ADVANCE_MARKS = ['next-router-prefetch', 'hx-preloaded'];

/** Whether this is loaded in advance, perhaps for a visit that never comes: such a request must spend nothing. */
export function isPrefetch(req: Request): boolean {
  const headers = headersOf(req);
  const says = (header: string): string => String(headers[header] ?? '').toLowerCase();
  return (
    PURPOSES.some((header) => /prefetch|prerender|preview/u.test(says(header))) ||
    ADVANCE_MARKS.some((header) => says(header) !== '')
  );
}

/**
 * Whether a page loads this as a part of itself: an image, a script, or from another origin a `fetch()`. Nobody visits us
 * that way, and it can be done any number of times without being noticed, on a page of this site too, wherever visitors
 * may post an image. Where a browser does not say from where and for what it loads (`Sec-Fetch-Site`, `Sec-Fetch-Dest`,
 * Fetch Metadata, W3C), nothing is known.
 */
export function isPart(req: Request): boolean {
  const { 'sec-fetch-dest': destination = 'empty' } = headersOf(req);
  return !isNavigation(req) && (isForeign(req) || destination !== 'empty');
}

/** Whether a page of another origin shows this in a frame, as `Sec-Fetch-Dest` says. */
export function isForeignFrame(req: Request): boolean {
  const destination = headersOf(req)['sec-fetch-dest'];
  return isForeign(req) && destination !== undefined && destination !== 'document';
}

/** `none`: a person has typed the address or opened a bookmark. A header that came twice has both values, so it is neither. */
function isForeign(req: Request): boolean {
  const site = headersOf(req)['sec-fetch-site'];
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}

/** The headers that were sent: those of Node are also found on a polluted `Object.prototype`. */
function headersOf(req: Request): Request['headers'] {
  return ownOnly(req.headers);
}
