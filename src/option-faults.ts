import { ConnectError } from './errors';
import type { AgentFault } from './provider/agent-fault';
import { KEY_RING_HINT } from './seal';

/** The next step for each option that a value alone does not explain. Static text: no value ever enters a message. */
const HINTS: Readonly<Record<string, string>> = {
  clientId: 'a non-empty string without blanks around it',
  clientSecret: 'a non-empty string without blanks or line ends around it',
  redirectUri:
    'the registered absolute URL: https (http on loopback only), no fragment, no user info, its path ending with callbackPath',
  scope: 'a string or a list of strings of printable ASCII',
  accessTokenKey: 'a string of printable ASCII without whitespace around it',
  clientAuthentication: "'header' or 'body'",
  requestFormat: "'json' or 'form'",
  issuer: 'an absolute https URL (http on loopback only) without query, fragment and user info',
  authorizeUrl: 'an absolute https URL (http on loopback only) without fragment and user info',
  tokenUrl: 'an absolute https URL (http on loopback only) without fragment and user info',
  apiBaseUrl: 'an absolute https URL (http on loopback only) without query, fragment and user info',
  authorizePath: "false or a path that starts with '/' and holds no pattern character, other than callbackPath",
  callbackPath: "false or a path that starts with '/' and holds no pattern character",
  disconnectPath: "false or a path that starts with '/' and holds no pattern character, other than the other two",
  afterDisconnect: 'a path of this site, or a URL on one of allowedOrigins, that is none of our own routes',
  allowedOrigins:
    'a list of exact origins such as https://app.example.com: https (http on loopback only), without path, wildcard and default port',
  refreshLeewaySeconds: 'whole seconds, 0–3600',
  ledger:
    'what memoryLedger() or redisLedger() returns, or an object with acquire, renew, settle, fail, revoke and once',
  encryptionKeys: KEY_RING_HINT,
  afterConnect: 'a path of this site, or a URL on one of allowedOrigins, that is none of our own routes',
  timeoutMs: 'whole milliseconds, 100–120000',
  maxApiAnswerBytes: 'whole bytes, 1024–104857600',
  storeTimeoutMs: 'whole milliseconds, 100–60000',
  pendingTtlMs: 'whole milliseconds, 100–3600000',
  sessionTtlMs: 'whole milliseconds, 60000–34560000000',
  agent: 'an http.Agent or https.Agent that fits tokenUrl and apiBaseUrl',
  sessionKey: 'an identifier that is no member of a session',
  statusByApiCode: 'documented API codes with HTTP statuses 400–599',
  authorizeParams: 'plain text values under names that are no protocol parameters',
  pkce: 'true or false',
  allowMissingState: 'true or false',
  renderErrors: 'true or false',
  renderError: 'a function',
  onEvent: 'a function',
  onConnect: 'a function',
};

/** What to do about an agent that would take something away from the verification of certificates. */
const AGENT_FAULTS: Readonly<Record<AgentFault, string>> = {
  unverified:
    'it switches the verification of certificates off: remove rejectUnauthorized: false, and pass ca for a private CA',
  identity:
    'it decides by itself which host a certificate is for: remove checkServerIdentity, and pass ca for a private CA',
};

/** Why an option was refused, where that is known more precisely than its name. */
export type OptionReasons = { readonly agent?: AgentFault | undefined };

function nextStep(name: string, reasons: OptionReasons): string {
  if (name === 'agent' && reasons.agent !== undefined) return `${name} (${AGENT_FAULTS[reasons.agent]})`;
  const hint = Object.hasOwn(HINTS, name) ? HINTS[name] : undefined;
  return hint === undefined ? `${printable(name)} (no such option)` : `${name} (expected ${hint})`;
}

/** An unknown name is a word of the app's own source; still nothing but identifiers reaches a log line. */
function printable(name: string): string {
  return /^[\w$.-]{1,64}$/u.test(name) ? name : 'an option whose name is not printable';
}

/**
 * Refuses options by name, each with its next step.
 * @throws ConnectError `ERR_CONNECT_OPTIONS`, always
 */
export function refuseOptions(names: Iterable<string>, reasons: OptionReasons = {}): never {
  throw new ConnectError('ERR_CONNECT_OPTIONS', {
    stage: 'options',
    message: `connectAuth() cannot use these options: ${[...new Set(names)].map((name) => nextStep(name, reasons)).join('; ')}.`,
  });
}
