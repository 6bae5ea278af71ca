import type { Request } from 'express';
import { ownOnly } from '../base/own';

/**
 * Chooses among the redirect URIs of an app with several hosts: the one whose host is the request's, as Express knows
 * it (`X-Forwarded-Host` under `trust proxy`), else the first. Even a forged `Host` leads to one of these.
 * @param uris - sound, each with a different host; at least one
 */
export function redirectUris(uris: readonly string[]): (req: Request) => string {
  const places = uris.map((uri) => ({ uri, url: new URL(uri) }));
  const [first = ''] = uris;
  if (places.length <= 1) return () => first;

  return function redirectUriOf(req): string {
    const hostname = (req.hostname as string | undefined)?.toLowerCase();
    const named = places.filter(({ url }) => url.hostname === hostname);
    // Express 4 strips the port.
    const hosts = hostsIn(req);
    return (named.find(({ url }) => hosts.includes(url.host)) ?? named[0])?.uri ?? first;
  };
}

/** The hosts in the headers, ports included; Express decides which header counts. */
function hostsIn(req: Request): readonly string[] {
  const { host = '', 'x-forwarded-host': forwarded = '' } = ownOnly(req.headers);
  return [host, String(forwarded).split(',', 1)[0] ?? ''].map((text) => text.trim().toLowerCase());
}
