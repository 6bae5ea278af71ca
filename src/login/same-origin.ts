import type { Request } from 'express';
import { ConnectError } from '../errors';
import { ownOnly } from '../own';

/** What a header says about where a request was made. */
type Sign = 'own' | 'foreign' | 'none';

/**
 * Refuses a request that was not made by a page of this site. `Sec-Fetch-Site` decides where a browser sends it, because
 * no page can set it; else `Origin` and `Referer` are asked, and one foreign sign is enough. Our own origin is that of
 * `redirectUri`: a Host header can be forged by what stands before us.
 * @throws ConnectError `ERR_CONNECT_ORIGIN` with `reason` `foreign` or `missing`
 */
export function assertSameOrigin(req: Request, redirectUri: string): void {
  const { origin } = new URL(redirectUri);
  const site = valuesOf(req, 'sec-fetch-site');
  const signs =
    site.length > 0
      ? site.map(siteSign)
      : [
          ...valuesOf(req, 'origin').map((value) => originSign(value, origin)),
          ...valuesOf(req, 'referer').map((value) => refererSign(value, origin)),
        ];
  if (signs.includes('foreign')) refuse('foreign');
  if (!signs.includes('own')) refuse('missing');
}

/** All values: of a repeated header Node would show the first one only. */
function valuesOf(req: Request, name: 'sec-fetch-site' | 'origin' | 'referer'): readonly string[] {
  // Not headersDistinct: whoever reads that of IncomingMessage.prototype, as a dump does, empties it for every request.
  const raw = (req.rawHeaders as readonly string[] | undefined) ?? [];
  const sent = raw.filter((_value, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name);
  // Adapters that call an app without HTTP may know `headers` alone.
  return [...sent, ...[ownOnly(req.headers)[name] ?? []].flat()];
}

/** `same-site` is another origin, and `none` a person's own doing, of which no POST comes (Fetch Metadata, W3C). */
function siteSign(value: string): Sign {
  return value === 'same-origin' ? 'own' : 'foreign';
}

/** `null` is what a page under `Referrer-Policy: no-referrer` sends to its own site too (Fetch §3.2), so it says nothing. */
function originSign(value: string, own: string): Sign {
  if (value === 'null' || value === '') return 'none';
  return value === own ? 'own' : 'foreign';
}

/** Compared as text: browsers send a serialised URL, so whatever needs parsing first is none of theirs. */
function refererSign(value: string, own: string): Sign {
  if (value === '') return 'none';
  return value === own || value.startsWith(`${own}/`) ? 'own' : 'foreign';
}

const MESSAGES = {
  foreign:
    'The request was made by a page of another origin than that of redirectUri. If it was a page of this site, its ' +
    'visitors use another address than the registered one (www or not, http or https, a port): redirect them to it.',
  missing:
    'The request says nothing about the page that made it. Send it by a form or by fetch() from a page of this site; ' +
    "for browsers without Sec-Fetch-Site do not set Referrer-Policy to 'no-referrer' there but to 'same-origin'; " +
    'outside browsers send the header Origin with the origin of redirectUri.',
};

function refuse(reason: 'foreign' | 'missing'): never {
  throw new ConnectError('ERR_CONNECT_ORIGIN', { stage: 'disconnect', reason, message: MESSAGES[reason] });
}
