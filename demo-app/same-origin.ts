import type { NextFunction, Request, Response } from 'express';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

/** Whether a demo is open to this machine alone. @param address - its origin */
export function isOnlyHere(address: string): boolean {
  return LOOPBACK.has(new URL(address).hostname);
}

/**
 * Brings visitors to the one address that the sign-in comes back to: cookies set for `127.0.0.1` are not sent to
 * `localhost`, and the sign-in would end as a stranger's. Does nothing for a public address, where a proxy may stand.
 * @param address - origin of the demo
 */
export function oneAddress(address: string) {
  const home = new URL(address);
  return function toOneAddress(req: Request, res: Response, next: NextFunction): void {
    if (!isOnlyHere(address) || req.headers.host === home.host) next();
    else if (req.method === 'GET' || req.method === 'HEAD') res.redirect(302, home.origin + onlyPath(req.originalUrl));
    else res.status(403).type('text/plain').send(`Please use ${home.origin}.\n`);
  };
}

function onlyPath(url: string): string {
  return url.startsWith('/') ? url : '/';
}

/** Lets only forms of the demo's own pages post. @param address - origin of the demo */
export function ownFormsOnly(address: string) {
  const { origin } = new URL(address);
  return function checkOrigin(req: Request, res: Response, next: NextFunction): void {
    const site = req.headers['sec-fetch-site'];
    const own = site === undefined ? req.headers.origin === origin : site === 'same-origin';
    if (req.method !== 'POST' || own) next();
    else res.status(403).type('text/plain').send('This form was not sent by a page of this demo.\n');
  };
}
