import type { Request } from 'express';

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
  const mode = req.headers['sec-fetch-mode'];
  if (mode !== undefined) return mode === 'navigate';
  return /\btext\/html\b/iu.test(req.headers.accept ?? '') && req.headers['x-requested-with'] === undefined;
}

/** Whether a person will look at the answer: a page load, or a form that a browser says it has sent. */
export function isShownToPerson(req: Request): boolean {
  return isPageLoad(req) || (req.method === 'POST' && req.headers['sec-fetch-mode'] === 'navigate');
}

/** Whether a browser loads this in advance, perhaps for a visit that never comes: such a request must spend nothing. */
export function isPrefetch(req: Request): boolean {
  const says = (header: string): string => String(req.headers[header] ?? '').toLowerCase();
  return ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'].some((header) =>
    /prefetch|prerender|preview/u.test(says(header)),
  );
}
