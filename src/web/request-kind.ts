import type { Request } from 'express';
import { sentHeader } from './sent-header';

/**
 * Whether a person's browser is loading a page, so that a redirect or an HTML page reaches somebody. Error answers and
 * redirects follow the same rule: a GET that is a navigation.
 */
export function isPageLoad(req: Request): boolean {
  return req.method === 'GET' && isNavigation(req);
}

/**
 * Whether a browser will show the answer as a page, after a link or a form: `Sec-Fetch-Mode: navigate` (Fetch Metadata,
 * W3C), or, from a browser without that header, an explicit `text/html` in Accept and no `X-Requested-With`.
 */
export function isNavigation(req: Request): boolean {
  const mode = sentHeader(req, 'sec-fetch-mode');
  if (mode !== undefined) return mode === 'navigate';
  return /\btext\/html\b/iu.test(sentHeader(req, 'accept') ?? '') && sentHeader(req, 'x-requested-with') === undefined;
}

/** Whether a person will look at the answer: a page load, or a form that a browser has sent, as its headers say. */
export function isShownToPerson(req: Request): boolean {
  return isPageLoad(req) || (req.method === 'POST' && sentHeader(req, 'sec-fetch-mode') === 'navigate');
}

/** Headers whose value can say that a page is loaded in advance. */
const PURPOSES = ['sec-purpose', 'x-sec-purpose', 'purpose', 'x-purpose', 'x-moz'];
/** Headers whose presence says so: of the Next.js router, and of htmx with its extension `preload`. */
const ADVANCE_MARKS = ['next-router-prefetch', 'hx-preloaded'];

/** Whether this is loaded in advance, perhaps for a visit that never comes: such a request must not use anything up. */
export function isPrefetch(req: Request): boolean {
  return (
    PURPOSES.some((header) => /prefetch|prerender|preview/iu.test(sentHeader(req, header) ?? '')) ||
    ADVANCE_MARKS.some((header) => (sentHeader(req, header) ?? '') !== '')
  );
}

/**
 * Whether a page loads this as a part of itself: an image, a script, or a `fetch()` from another origin. No visit
 * happens that way, and it can be repeated any number of times unnoticed, even on a page of this site where visitors
 * may post images. If the browser does not send `Sec-Fetch-Site` and `Sec-Fetch-Dest` (Fetch Metadata, W3C), nothing is
 * known.
 */
export function isPart(req: Request): boolean {
  const destination = sentHeader(req, 'sec-fetch-dest') ?? 'empty';
  return !isNavigation(req) && (isForeign(req) || destination !== 'empty');
}

/** Whether a page of another origin shows this in a frame, as `Sec-Fetch-Dest` says. */
export function isForeignFrame(req: Request): boolean {
  const destination = sentHeader(req, 'sec-fetch-dest');
  return isForeign(req) && destination !== undefined && destination !== 'document';
}

/**
 * `none`: a person has typed the address or opened a bookmark. A repeated header has both values, so it equals neither.
 */
function isForeign(req: Request): boolean {
  const site = sentHeader(req, 'sec-fetch-site');
  return site !== undefined && site !== 'same-origin' && site !== 'none';
}
