import { own } from '../base/own';
import { isSecureUrl, isVisible } from '../checks/values';

/** Default of option `callbackPath`. */
export const CALLBACK_PATH = '/connect/callback';

export const REDIRECT_URI_EXPECTED =
  'the registered absolute URL: https (http on loopback only), no fragment, no user info, its path ending with callbackPath';

/** A path in the form in which two are compared: Express takes either case, with a slash at the end or without. */
export const samePath = (path: string): string => path.toLowerCase().replace(/\/+$/u, '');

/** Whether what precedes `end` can be the prefix of links: one that begins with `//` would name another host. */
function endsWithPath(pathname: string, end: string): boolean {
  return samePath(pathname).endsWith(samePath(end)) && !pathname.startsWith('//');
}

/** Why redirect URIs cannot be used together, or with `callbackPath`. */
interface RedirectUriFault {
  /**
   * `end`: its path does not end with callbackPath; `prefix`: what precedes that contains a separator of lists; `path`:
   * its path differs from the first's; `host`: an earlier one has its host name.
   */
  readonly kind: 'end' | 'prefix' | 'path' | 'host';
  readonly index: number;
}

/**
 * Looks for the first redirect URI that cannot be used. All have one path, which is where the routes are mounted, and
 * each has a host name of its own: cookies do not tell ports apart.
 * @param uris - each sound by itself
 */
export function redirectUriFault(uris: readonly string[], callbackPath: string | false): RedirectUriFault | undefined {
  const names = new Set<string>();
  let path: string | undefined;
  for (const [index, uri] of uris.entries()) {
    const { pathname, hostname } = new URL(uri);
    if (callbackPath !== false && !endsWithPath(pathname, callbackPath)) return { kind: 'end', index };
    if (callbackPath !== false && /[,;]/u.test(prefixIn(pathname, callbackPath))) return { kind: 'prefix', index };
    path ??= pathname;
    if (pathname !== path) return { kind: 'path', index };
    if (names.has(hostname)) return { kind: 'host', index };
    names.add(hostname);
  }
  return undefined;
}

/** What precedes callbackPath in the path of a redirect URI. */
export function prefixIn(pathname: string, callbackPath: string): string {
  return pathname.replace(/\/+$/u, '').slice(0, -samePath(callbackPath).length);
}

/** What to do about redirect URIs, one sentence for each mistake. */
export function redirectUriAdvice(value: unknown, given: Readonly<Record<string, unknown>>): string | undefined {
  const list = Array.isArray(value) ? Array.from<unknown>(value) : [value];
  if (list.length === 0) return 'the list is empty: give at least one';
  const callbackPath = (own(given, 'callbackPath') as string | false | undefined) ?? CALLBACK_PATH;
  const unsound = list.findIndex((uri) => !isSecureUrl(uri));
  const fault = unsound < 0 ? redirectUriFault(list as readonly string[], callbackPath) : undefined;
  const index = fault?.index ?? unsound;
  const advice = fault === undefined ? adviceOnOne(list[index]) : FAULT_ADVICE[fault.kind](String(callbackPath));
  if (!Array.isArray(value)) return advice;
  return `number ${index + 1} of the list: ${advice ?? `expected ${REDIRECT_URI_EXPECTED}`}`;
}

const FAULT_ADVICE: Readonly<Record<RedirectUriFault['kind'], (callbackPath: string) => string>> = {
  end: (callbackPath) => `its path must end with ${callbackPath}, where the callback is mounted`,
  prefix: () =>
    'its path contains a comma or semicolon: give several as a list, in the environment with commas between',
  path: () => 'its path must be that of the first',
  host: () => 'its host name is in the list already: cookies do not tell ports apart',
};

/** Advice on one redirect URI that is not sound by itself; undefined for an unusual fault. */
function adviceOnOne(value: unknown): string | undefined {
  if (value === undefined) return 'it is missing: give the absolute URL that is registered with the provider';
  if (typeof value !== 'string') return `it is not a string: expected ${REDIRECT_URI_EXPECTED}`;
  if (!isVisible(value))
    return 'it contains whitespace or characters other than printable ASCII: remove or encode them';
  if (!/^[a-z][a-z0-9+.-]*:/iu.test(value)) return 'it is not absolute: begin with https:// and the host of your site';
  if (/^http:/iu.test(value) && isSecureUrl(value.replace(/^http:/iu, 'https:')) && !isSecureUrl(value))
    return 'http is for localhost only: use https';
  if (value.includes('#')) return 'it has a fragment: remove # and what follows';
  if (/^https?:\/\/[^/?]*@/iu.test(value)) return 'it contains a user name: remove what stands before @';
  return undefined;
}
