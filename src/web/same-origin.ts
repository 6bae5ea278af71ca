import type { Request } from 'express';
import { ConnectError } from '../errors/connect-error';
import { ownOnly } from '../base/own';

/** What {@link assertSameOrigin} needs to know. */
export interface SameOriginConfig {
  /** Of the host that was asked, where there are several. */
  readonly redirectUri: string;
  /** As in an `Origin` header: `https://app.example`, a port only where it is not the default. */
  readonly allowedOrigins: readonly string[];
}

/** What a header says about where a request was made. */
type Sign = 'own' | 'foreign' | 'none';

/**
 * Refuses a request that was not made by a page of this site. If the browser sends `Sec-Fetch-Site`, that header alone
 * decides, because no page can set it; otherwise `Origin` and `Referer` do. One foreign value is enough to refuse. Our
 * own origin is that of `redirectUri`, because `Host` can be forged on the way. Pages of `allowedOrigins` count as ours;
 * where `Sec-Fetch-Site` is sent, they must also be named by `Origin`, which no page can set either.
 * @throws ConnectError `ERR_CONNECT_ORIGIN` with `reason` `foreign` or `missing`
 */
export function assertSameOrigin(req: Request, config: SameOriginConfig): void {
  const own = [new URL(config.redirectUri).origin, ...config.allowedOrigins];
  const origins = valuesOf(req, 'origin');
  const allowed = origins.length > 0 && origins.every((value) => config.allowedOrigins.includes(value));
  const site = valuesOf(req, 'sec-fetch-site');
  const signs =
    site.length > 0
      ? site.map((value) => siteSign(value, allowed))
      : [
          ...origins.map((value) => originSign(value, own)),
          ...valuesOf(req, 'referer').map((value) => refererSign(value, own)),
        ];
  if (signs.includes('foreign')) refuse('foreign');
  if (!signs.includes('own')) refuse('missing');
}

/** All values: of a repeated header `req.headers` has the first only (Referer), or all in one string (the others). */
function valuesOf(req: Request, name: 'sec-fetch-site' | 'origin' | 'referer'): readonly string[] {
  // Not headersDistinct: code that reads it on IncomingMessage.prototype, as a dump does, empties it for every request.
  const raw = (req.rawHeaders as readonly string[] | undefined) ?? [];
  const sent = raw.filter((_value, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name);
  // Adapters that call an app without HTTP may set `headers` only. Otherwise this repeats a value that is in `sent`.
  return [...sent, ...[ownOnly(req.headers)[name] ?? []].flat()];
}

/** `same-site` is another origin, and `none` a person's own doing, of which no POST comes (Fetch Metadata, W3C). */
function siteSign(value: string, allowed: boolean): Sign {
  if (value === 'same-origin') return 'own';
  return allowed && (value === 'same-site' || value === 'cross-site') ? 'own' : 'foreign';
}

/** `null` is what a page under `Referrer-Policy: no-referrer` sends to its own site too (Fetch §3.2), so it says nothing. */
function originSign(value: string, own: readonly string[]): Sign {
  if (value === 'null' || value === '') return 'none';
  return own.includes(value) ? 'own' : 'foreign';
}

/** Compared as text: browsers send a serialised URL, so whatever needs parsing first is none of theirs. */
function refererSign(value: string, own: readonly string[]): Sign {
  if (value === '') return 'none';
  return own.some((origin) => value === origin || value.startsWith(`${origin}/`)) ? 'own' : 'foreign';
}

const MESSAGES = {
  foreign:
    'The request was made by a page of another origin than that of redirectUri. If it was a page of this site, its ' +
    'visitors use another address than the registered one (www or not, http or https, a port): redirect them to it. ' +
    'If your pages are on another origin on purpose, name it in allowedOrigins.',
  missing:
    'The request says nothing about the page that made it. Send it with a form or with fetch() from a page of this site; ' +
    "for browsers without Sec-Fetch-Site do not set Referrer-Policy to 'no-referrer' there but to 'same-origin'; " +
    'outside browsers send the header Origin with the origin of redirectUri.',
};

function refuse(reason: 'foreign' | 'missing'): never {
  throw new ConnectError('ERR_CONNECT_ORIGIN', { stage: 'disconnect', reason, message: MESSAGES[reason] });
}
