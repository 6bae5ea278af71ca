import type { Request } from 'express';

/** Finds out what the browser sees where a proxy strips a prefix (`/app/reports` reaches the app as `/reports`). */
export interface PublicUrls {
  /** To be called with each request where our routes are mounted. */
  readonly meet: (req: Request) => void;
  /** Path and query of the request as the browser knows them; as the app knows them where our routes were not met. */
  readonly of: (req: Request) => string;
}

/**
 * The public prefix of our routes, which stands in `redirectUri`, ends with the path under which the app has mounted them:
 * what stands before that is what a proxy takes off. Headers such as X-Forwarded-Prefix are not asked: anybody can send
 * them. Where the app itself has rewritten `req.url`, `req.originalUrl` is what the browser sees already.
 */
export function publicUrls(publicPrefix: string): PublicUrls {
  const strippedFrom = new WeakMap<Request, string>();
  return {
    meet(req) {
      const { baseUrl, url, originalUrl } = req;
      if (publicPrefix.endsWith(baseUrl) && baseUrl + url === originalUrl) {
        strippedFrom.set(req, publicPrefix.slice(0, publicPrefix.length - baseUrl.length));
      }
    },
    of: (req) => (strippedFrom.get(req) ?? '') + req.originalUrl,
  };
}
