import type { Request } from 'express';

/** Chooses the redirect URI for a request. */
export type RedirectUriOf = (req: Request) => string;

/**
 * Makes the choice among the redirect URIs of an app with several hosts: the one whose host name is the request's, as
 * Express knows it (`X-Forwarded-Host` under `trust proxy`), else the first. Even a forged `Host` leads to one of these.
 * @param uris - sound, each with a different host name
 */
export function redirectUris(uris: readonly [string, ...string[]]): RedirectUriOf {
  const [first] = uris;
  if (uris.length === 1) return () => first;
  const byName = new Map(uris.map((uri) => [new URL(uri).hostname, uri]));
  // Without a header Host, as HTTP/1.0 allows, Express knows no name.
  return (req) => byName.get((req.hostname as string | undefined)?.toLowerCase() ?? '') ?? first;
}
