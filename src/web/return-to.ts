const DUMMY_ORIGIN = 'http://own-site.invalid';
const MAX_LENGTH = 2048;
// No flag `i`: together with `u` it would let the letters s and k match beyond ASCII (U+017F, U+212A).
const CONTROL_OR_BACKSLASH = /[\\\u0000-\u001f\u007f-\u009f]/u;
// Encoded slashes, backslashes and controls in the path: a proxy or an app may decode once more than this check.
const ENCODED_IN_PATH = /^[^?#]*%(?:2[Ff]|5[Cc]|[01][0-9A-Fa-f]|7[Ff])/u;

/** What {@link safeReturnTo} needs to know about the place it guards. */
export interface ReturnToRules {
  /** Paths of the package's own routes as visitors see them; returning there would repeat the sign-in without end. */
  readonly ownPaths: readonly string[];
  /** Other origins that the app trusts, as browsers write them. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

/**
 * Gives the place to redirect to: a path of this site, printable ASCII, starting with exactly one `/`; or an allowed
 * origin followed by such a path.
 * @returns undefined when `value` would lead anywhere else, names one of the package's own routes, or has more than
 * 2,048 characters.
 */
export function safeReturnTo(value: unknown, rules: ReturnToRules): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return undefined;
  // Compared as text, not as a parser may read it. A path must follow, so the origin ends where it seems to.
  const origin = rules.allowedOrigins?.find((allowed) => value === allowed || value.startsWith(`${allowed}/`));
  if (origin === undefined) return safePath(value, rules);
  // The package's own routes are refused there too: a development server may pass /connect on to this app.
  const path = safePath(value.slice(origin.length) || '/', rules);
  return path === undefined || origin.length + path.length > MAX_LENGTH ? undefined : origin + path;
}

function safePath(value: string, rules: ReturnToRules): string | undefined {
  if (!isSingleSlashed(value) || CONTROL_OR_BACKSLASH.test(value) || ENCODED_IN_PATH.test(value)) return undefined;
  const emitted = serialise(value);
  // The serialised path is what the browser gets: `/.//evil.example` comes out as `//evil.example`.
  if (emitted.length > MAX_LENGTH || !isSingleSlashed(emitted)) return undefined;
  return isOwnRoute(emitted, rules.ownPaths) ? undefined : emitted;
}

function isSingleSlashed(path: string): boolean {
  return path.startsWith('/') && !path.startsWith('//');
}

/**
 * A text that starts with `/`, as a URL parser writes it. Appended to an origin, not resolved against one, so that it
 * cannot name another host.
 */
function serialise(path: string): string {
  const { pathname, search, hash } = new URL(DUMMY_ORIGIN + path);
  return pathname + search + hash;
}

/** Of the same list: it does not change from one sign-in to the next. */
const comparables = new WeakMap<readonly string[], readonly string[]>();

function isOwnRoute(path: string, ownPaths: readonly string[]): boolean {
  const known = comparables.get(ownPaths) ?? ownPaths.map(comparable);
  comparables.set(ownPaths, known);
  return known.includes(comparable(path));
}

/** One spelling for all spellings of a path: no query, decoded, one case, single slashes, none at the end. */
function comparable(path: string): string {
  let text = path.replace(/[?#].*$/su, '');
  // Spellings that are encoded two or three times become plain within a few rounds.
  for (let round = 0; round < 4; round += 1) {
    const decoded = text.replace(/%[0-9a-f]{2}/giu, (code) => String.fromCharCode(parseInt(code.slice(1), 16)));
    if (decoded === text) break;
    text = decoded;
  }
  return (
    serialise(`/${text}`)
      .replace(/[?#].*$/su, '')
      .toLowerCase()
      .replace(/\/{2,}/gu, '/')
      .replace(/\/$/u, '') || '/'
  );
}
