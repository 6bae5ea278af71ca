import Joi from 'joi';
import { agentFault } from './provider/agent-fault';
import { readKeyRing } from './seal';

/** Printable ASCII without blanks. */
export const VISIBLE = /^[\x21-\x7e]+$/u;
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
// Members of an express-session object, and names that reach a prototype; those of every object are looked up there.
const TAKEN_SESSION_KEYS = new Set([
  // Their companion would be that of the default key, and 0.1.0 had one more.
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

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127(?:\.\d{1,3}){3}$/u.test(hostname)
  );
}

function isSecureUrl(value: string): boolean {
  // The value itself goes to the provider, so what the URL parser would mend or drop is refused, `https://@host` too.
  if (!VISIBLE.test(value) || !/^https?:\/\/[^/?#@\\]+(?:[/?][^#\\]*)?$/iu.test(value)) return false;
  try {
    const url = new URL(value);
    return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
  } catch {
    return false;
  }
}

/** Whether a session property of this name is neither a member of a session nor of every object, nor a name of ours. */
export function isFreeSessionKey(value: string): boolean {
  return /^[A-Za-z_$][\w$-]{0,63}$/u.test(value) && !TAKEN_SESSION_KEYS.has(value) && !(value in Object.prototype);
}

/** Whether an extra parameter is none of the protocol. `state[]` is: some servers read it as `state`. */
export function isFreeParameter(name: string): boolean {
  return VISIBLE.test(name) && !PROTOCOL_PARAMETERS.has(name.replace(/\[.*$/u, ''));
}

/** Joi calls `test` for each value; its own messages hold values, so only the label's path is ever read from them. */
export function string(test: (value: string) => boolean): Joi.StringSchema {
  return Joi.string().custom((value: string, helpers) => (test(value) ? value : helpers.error('any.invalid')));
}

/** Text without control characters, and without blanks around it: a pasted line end is the usual fault. */
export const credential = string((value) => /^[^\u0000-\u001f\u007f]+$/u.test(value) && value.trim() === value);
/**
 * What an HTTP header can hold and arrive unchanged: printable ASCII, spaces inside it included, as in the placeholder of
 * the provider's own sample.
 */
export const headerText = string((value) => /^[\x20-\x7e]+$/u.test(value) && value.trim() === value);
/** An absolute URL over https, or http on loopback; without fragment and user info. */
export const secureUrl = string(isSecureUrl);
/** An origin as browsers write it in the header `Origin`; no wildcard, and no trailing dot, which is another origin. */
export const webOrigin = string(
  (value) => isSecureUrl(value) && new URL(value).origin === value && !/\*|\.(?::\d+)?$/u.test(value),
);
/** As {@link secureUrl}, and without a query: further paths are appended to it. */
export const plainSecureUrl = string((value) => isSecureUrl(value) && !value.includes('?'));
// Only characters that neither path-to-regexp (Express 5) nor a plain regular expression (Express 4) reads as a pattern.
/** A path to mount a route at, or `false`. */
export const mountPath = Joi.alternatives(
  Joi.valid(false),
  string((value) => /^(?:\/[\w.~@,;=&'-]+)+\/?$/u.test(value) && !/\/\.{1,2}(?:\/|$)/u.test(value)),
);
/** A whole number of `least` to `most`, no string. */
export const wholeNumber = (least: number, most: number): Joi.NumberSchema =>
  Joi.number().strict().integer().min(least).max(most);
/** A function. */
export const callable = Joi.any().custom((value: unknown, helpers) =>
  typeof value === 'function' ? value : helpers.error('any.invalid'),
);
/** An agent of node:http or node:https, or one that is used like them; {@link agentFault} looks at its settings. */
export const agentLike = Joi.any().custom((value: unknown, helpers) => {
  const agent = value as { addRequest?: unknown } | null;
  const usable = typeof agent === 'object' && agent !== null && typeof agent.addRequest === 'function';
  return usable && agentFault(agent) === undefined ? value : helpers.error('any.invalid');
});

const LEDGER_OPERATIONS = ['acquire', 'renew', 'settle', 'fail', 'revoke', 'once'];
/** An object with the operations of a refresh ledger. */
export const ledgerLike = Joi.any().custom((value: unknown, helpers) => {
  const ledger = value as Readonly<Record<string, unknown>> | null;
  const usable =
    typeof ledger === 'object' &&
    ledger !== null &&
    LEDGER_OPERATIONS.every((name) => typeof ledger[name] === 'function') &&
    ['function', 'undefined'].includes(typeof ledger['onForgotten']);
  return usable ? value : helpers.error('any.invalid');
});

/** A list of encryption keys with distinct ids, copied. */
export const keyRing = Joi.any().custom(
  (value: unknown, helpers) => readKeyRing(value) ?? helpers.error('any.invalid'),
);
