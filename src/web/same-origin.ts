import type { Request } from 'express';
import { ConnectError } from '../errors/connect-error';
import { ownOnly } from '../base/own';

/** What {@link assertSameOrigin} needs to know. */
export interface SameOriginConfig {
  /** For an app with several hosts, that of the request's host. */
  readonly redirectUri: string;
  /** As in an `Origin` header: `https://app.example`, a port only where it is not the default. */
  readonly allowedOrigins: readonly string[];
}

/** What a header says about where a request was made. */
type Sign = 'own' | 'foreign' | 'none';

/**
 * Refuses a request that was not made by a page of this site. If the browser sends `Sec-Fetch-Site`, that header alone
 * decides, because no page can set it; otherwise `Origin` and `Referer` do. One foreign value is enough to refuse. The
 * site's own origin is that of `redirectUri`, because `Host` can be forged on the way. Pages of `allowedOrigins` count
 * as the site's own; where `Sec-Fetch-Site` is sent, `Origin`, which no page can set either, must name them as well.
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

/** All values: for a repeated header `req.headers` has only the first (Referer) or all in one string (the others). */
function valuesOf(req: Request, name: 'sec-fetch-site' | 'origin' | 'referer'): readonly string[] {
  // Not headersDistinct: if code reads it on IncomingMessage.prototype, as a dump does, it is empty for every request.
  const raw = (req.rawHeaders as readonly string[] | undefined) ?? [];
  const sent = raw.filter((_value, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name);
  // Adapters that call an app without HTTP may set `headers` only. Otherwise this repeats a value that is in `sent`.
  return [...sent, ...[ownOnly(req.headers)[name] ?? []].flat()];
}

/** `same-site` is another origin; `none` is a person's own action, which never sends a POST (Fetch Metadata, W3C). */
function siteSign(value: string, allowed: boolean): Sign {
  if (value === 'same-origin') return 'own';
  return allowed && (value === 'same-site' || value === 'cross-site') ? 'own' : 'foreign';
}

/** `null` is what a page under `Referrer-Policy: no-referrer` sends to its own site too (Fetch §3.2), so it says nothing. */
function originSign(value: string, own: readonly string[]): Sign {
  if (value === 'null' || value === '') return 'none';
  return own.includes(value) ? 'own' : 'foreign';
}

/** Compared as text: browsers send a serialised URL, so anything that needs parsing first is not from a browser. */
function refererSign(value: string, own: readonly string[]): Sign {
  if (value === '') return 'none';
  return own.some((origin) => value === origin || value.startsWith(`${origin}/`)) ? 'own' : 'foreign';
}

const MESSAGES = {
  foreign:
    'The page that made this request has another origin than redirectUri. If it is a page of your app, its visitors ' +
    'use another address than the registered one (www or not, http or https, a port): redirect them to it. ' +
    'If your pages are on another origin on purpose, name it in allowedOrigins.',
  missing:
    'The request says nothing about the page that made it. Send it with a form or fetch() from a page of your app. ' +
    "For browsers without Sec-Fetch-Site, set that page's Referrer-Policy to 'same-origin', not to 'no-referrer'. " +
    'Outside browsers, send the header Origin with the origin of redirectUri.',
};

function refuse(reason: 'foreign' | 'missing'): never {
  throw new ConnectError('ERR_CONNECT_ORIGIN', { stage: 'disconnect', reason, message: MESSAGES[reason] });
}
