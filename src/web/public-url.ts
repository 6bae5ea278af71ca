import type { Request } from 'express';

/** Knows the URLs that the browser sees when a proxy strips a prefix (`/app/reports` reaches the app as `/reports`). */
export interface PublicUrls {
  /** To be called with each request where the package's routes are mounted. */
  readonly meet: (req: Request) => void;
  /** Path and query of the request as the browser knows them; as the app knows them if `meet` was not called. */
  readonly of: (req: Request) => string;
}

/**
 * The public prefix of the package's routes, known from `redirectUri`, ends with the path at which the app has mounted
 * them; a proxy strips what precedes that. Headers such as X-Forwarded-Prefix are ignored: anybody can send them. If
 * the app itself has rewritten `req.url`, `req.originalUrl` already is what the browser sees.
 */
export function publicUrls(publicPrefix: string): PublicUrls {
  const strippedFrom = new WeakMap<Request, string>();
  return {
    meet(req) {
      if (publicPrefix === '') return;
      const { baseUrl, url, originalUrl } = req;
      if (publicPrefix.endsWith(baseUrl) && baseUrl + url === originalUrl)
        strippedFrom.set(req, publicPrefix.slice(0, publicPrefix.length - baseUrl.length));
    },
    of: (req) => (strippedFrom.get(req) ?? '') + req.originalUrl,
  };
}
