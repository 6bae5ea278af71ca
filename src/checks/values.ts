/** One check for each kind of value: every reader of options, of the environment and of flags uses these. */

const VISIBLE = /^[\x21-\x7e]+$/u;
const PROTOCOL_PARAMETERS = new Set([
  'client_id',
  'redirect_uri',
  'response_type',
  'scope',
  'state',
  'code_challenge',
  'code_challenge_method',
  'client_secret',
  'code',
  'code_verifier',
  'response_mode',
  'request',
  'request_uri',
]);
// Members of an express-session object, and names that reach a prototype; those of Object.prototype are looked up
// there.
const TAKEN_SESSION_KEYS = new Set([
  // Their companion property would be that of the default key; 0.1.0 had one more.
  'connect',
  'connectLineage',
  'connectPending',
  'cookie',
  'id',
  'req',
  'save',
  'reload',
  'destroy',
  'regenerate',
  'touch',
  'resetMaxAge',
  'prototype',
]);

/** Printable ASCII without spaces. */
export function isVisible(value: unknown): value is string {
  return typeof value === 'string' && VISIBLE.test(value);
}

/** Printable ASCII, spaces included. */
export function isPrintable(value: unknown): value is string {
  return typeof value === 'string' && /^[\x20-\x7e]+$/u.test(value);
}

/**
 * Text without control characters and halves of surrogate pairs, and without whitespace around it: a pasted newline is
 * the usual fault.
 */
export function isCredential(value: unknown): value is string {
  return typeof value === 'string' && /^[^\p{Cc}\p{Cs}]+$/u.test(value) && value.trim() === value;
}

/**
 * What an HTTP header can hold and arrive unchanged: printable ASCII, spaces inside it included, as in the placeholder
 * of the provider's sample.
 */
export function isHeaderText(value: unknown): value is string {
  return isPrintable(value) && value.trim() === value;
}

/** One scope, or several with one space between them. */
export function isScope(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/u.test(value);
}

/** A host name that only this machine answers to, as `URL.hostname` writes it. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/u.test(hostname)
  );
}

/** An absolute URL over https, or http on loopback; without fragment and user info. */
export function isSecureUrl(value: unknown): value is string {
  // The provider gets the value as written. What the URL parser would correct or drop is refused, even `https://@host`.
  if (!isVisible(value) || !/^https?:\/\/[^/?#@\\]+(?:[/?][^#\\]*)?$/iu.test(value)) return false;
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

/** As {@link isSecureUrl}, and without a query: further paths are appended to it. */
export function isPlainSecureUrl(value: unknown): value is string {
  return isSecureUrl(value) && !value.includes('?');
}

/** An origin as browsers write it in the header `Origin`; no wildcard, and no trailing dot, which is another origin. */
export function isWebOrigin(value: unknown): value is string {
  return isSecureUrl(value) && new URL(value).origin === value && !/\*|\.(?::\d+)?$/u.test(value);
}

/** A path to mount a route at. */
export function isMountPath(value: unknown): value is string {
  // Only characters that are not a pattern in path-to-regexp (Express 5) or a regular expression (Express 4).
  return typeof value === 'string' && /^(?:\/[\w.~@,;=&'-]+)+\/?$/u.test(value) && !/\/\.{1,2}(?:\/|$)/u.test(value);
}

/**
 * Whether a name is free for a session property: not a member of a session or of every object, and not reserved here.
 */
export function isFreeSessionKey(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^[A-Za-z_$][\w$-]{0,63}$/u.test(value) &&
    !TAKEN_SESSION_KEYS.has(value) &&
    !(value in Object.prototype)
  );
}

/** Whether an extra parameter is not one of the protocol's. `state[]` is: some servers read it as `state`. */
export function isFreeParameter(name: string): boolean {
  return isVisible(name) && !PROTOCOL_PARAMETERS.has(name.replace(/\[.*$/u, ''));
}

/** A whole number from `least` to `most`; text does not count. */
export function isWholeNumber(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}

/** An object, of any class, that has these methods. */
export function hasMethods(value: unknown, names: readonly string[]): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return names.every((name) => typeof (value as Readonly<Record<string, unknown>>)[name] === 'function');
}
