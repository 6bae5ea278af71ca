/** What follows from a code alone. */
export interface CodeRow<Reason extends string = string> {
  /** HTTP status of the answer. */
  readonly status: number;
  /** Shown to visitors. */
  readonly title: string;
  /** Shown to visitors. */
  readonly detail: string;
  /** For developers, where the thrower has nothing more precise; a link to the docs follows it. */
  readonly message: string;
  /** Whether the same request may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** Whether a new sign-in may help this visitor: answers then carry a link to it. */
  readonly startAgain: boolean;
  /** Its variants, as `reason` names them. */
  readonly reasons: readonly Reason[];
  /** More precise `detail` per `reason`. */
  readonly detailByReason?: Readonly<Partial<Record<Reason, string>>>;
}

const NONE: readonly never[] = [];
const OURS = 'This site has a problem on its side, and nothing you did caused it. Please tell its operator.';

/** One row for each error code. No text holds a value. */
export const CODES = table({
  ERR_CONNECT_OPTIONS: {
    status: 500,
    title: 'Sign-in is not set up correctly',
    reasons: NONE,
    detail: OURS,
    retryable: false,
    startAgain: false,
    message: 'The options of connectAuth() are not usable.',
  },
  ERR_CONNECT_NO_SESSION: {
    status: 500,
    title: 'Sign-in is not set up correctly',
    reasons: ['client_side', 'genid'],
    detail: OURS,
    retryable: false,
    startAgain: false,
    message: 'There is no session on this request: mount express-session before connectAuth().',
  },
  ERR_CONNECT_COOKIE: {
    status: 500,
    title: 'Sign-in is not set up correctly',
    reasons: ['secure', 'same_site', 'domain', 'path'],
    detail: OURS,
    retryable: false,
    startAgain: false,
    message: 'The session cookie can never come back to the callback: check the cookie settings of express-session.',
  },
  ERR_CONNECT_STORE: {
    status: 503,
    title: 'Sign-in is not available right now',
    reasons: ['failed', 'timeout', 'answer', 'conflict', 'no_session', 'gone', 'setup'],
    retryable: true,
    startAgain: true,
    detail: 'This site could not reach its own storage. Nothing is lost: please try again in a moment.',
    message: 'The session store failed or did not answer in time.',
  },
  ERR_CONNECT_METHOD: {
    status: 405,
    title: 'Method not allowed',
    reasons: NONE,
    retryable: false,
    startAgain: false,
    detail: 'This address cannot be used in this way. Please use the link or the button on the site itself.',
    message: 'The route answers one method only: see the Allow header.',
  },
  ERR_CONNECT_PREFETCH: {
    status: 503,
    title: 'Not while prefetching',
    reasons: NONE,
    retryable: true,
    startAgain: false,
    detail: 'This address cannot be loaded in advance. Open the link when you need it.',
    message: 'A prefetch or prerender must not start or finish a sign-in; the browser asks again on the real visit.',
  },
  ERR_CONNECT_ORIGIN: {
    status: 403,
    title: 'Request refused',
    reasons: ['foreign', 'missing'],
    retryable: false,
    startAgain: true,
    detail: 'This request did not come from a page of this site. Please use the link on the site itself.',
    message: 'Nothing in the request shows that a page of this site made it.',
  },
  ERR_CONNECT_CALLBACK: {
    status: 400,
    title: 'That was not a sign-in answer',
    reasons: ['empty', 'state', 'issuer', 'parameters'],
    retryable: false,
    startAgain: true,
    detail: 'The address you came back with does not hold a complete answer. Please start again.',
    message: 'The callback was called with a query that is not an OAuth answer (RFC 6749 §4.1.2).',
  },
  ERR_CONNECT_STATE: {
    status: 403,
    title: 'This sign-in does not belong to this browser',
    reasons: ['overwritten', 'no_session', 'missing', 'unknown', 'expired', 'used', 'owner'],
    retryable: false,
    startAgain: true,
    detail:
      'This answer does not match a sign-in that was started in this browser. Please start again, and allow cookies for this site.',
    message: 'The state of the callback matches no pending sign-in of this session.',
    detailByReason: {
      expired: 'This sign-in took too long to complete. Please start again.',
      used: 'This sign-in has already been completed or has ended. Please start again if you are not connected.',
    },
  },
  ERR_CONNECT_DENIED: {
    status: 403,
    title: 'The connection was declined',
    reasons: ['on_connect', 'fault'],
    retryable: false,
    startAgain: true,
    detail: 'Your account was not connected, because access was declined. You can start again at any time.',
    message: 'The visitor or the provider declined the authorization request.',
  },
  ERR_CONNECT_GRANT: {
    status: 400,
    title: 'This sign-in is no longer valid',
    reasons: NONE,
    retryable: false,
    startAgain: true,
    detail: 'The sign-in took too long or was used before. Please start again.',
    message:
      'The provider refused the authorization code: it is spent, expired, or was issued for another redirect URI.',
  },
  ERR_CONNECT_REQUIRED: {
    status: 401,
    title: 'Please connect your account',
    reasons: ['disconnected', 'nobody'],
    retryable: false,
    startAgain: true,
    detail: 'This page needs a connected account. Please connect yours to continue.',
    message: 'No account is connected in this session: send the visitor through sign-in.',
  },
  ERR_CONNECT_EXPIRED: {
    status: 401,
    title: 'Your connection has ended',
    reasons: ['invalid_grant', 'lost_response', 'refused', 'revoked', 'replaced'],
    retryable: false,
    startAgain: true,
    detail: 'Please connect your account again.',
    message: 'The provider no longer accepts this connection: send the visitor through sign-in again.',
    detailByReason: {
      refused: 'The provider does not renew your connection. Please connect your account again.',
    },
  },
  ERR_CONNECT_CONFIG: {
    status: 500,
    title: 'Sign-in is not set up correctly',
    reasons: [
      'key',
      'namespace',
      'record',
      'url',
      'method',
      'body',
      'timeout',
      'response_type',
      'cancel_token',
      'request',
    ],
    detail: OURS,
    retryable: false,
    startAgain: false,
    message:
      "The provider refuses your app's credentials or the request: check clientId, clientSecret, redirectUri, scope, " +
      'accessTokenKey, clientAuthentication and requestFormat against the registration.',
  },
  ERR_CONNECT_ACCOUNT: {
    status: 409,
    title: 'Your account needs attention',
    reasons: NONE,
    retryable: false,
    startAgain: true,
    detail:
      'The e-mail address or phone number of your account is missing, not valid or already in use. Please check your account with the provider, then start again.',
    message: "The provider refuses something about the visitor's own account.",
  },
  ERR_CONNECT_FORBIDDEN: {
    status: 403,
    title: 'Your account is not allowed to do this',
    reasons: ['insufficient_scope'],
    retryable: false,
    startAgain: true,
    detail: 'The provider does not allow this for your account. Another account may work.',
    message: 'The provider allows this to administrators only.',
    detailByReason: {
      insufficient_scope: 'This needs a permission that was not given when your account was connected.',
    },
  },
  ERR_CONNECT_RATE_LIMITED: {
    status: 503,
    title: 'Too many requests',
    reasons: ['resting', 'exchanges'],
    retryable: true,
    startAgain: true,
    detail: 'The provider is receiving too many requests from this site. Please try again in a moment.',
    message: 'The provider limits the rate of requests from your app.',
    detailByReason: {
      resting: 'The provider has asked this site to wait. Please load this page again in a moment.',
      exchanges: 'Many accounts are being connected at this moment. Please load this page again in a moment.',
    },
  },
  ERR_CONNECT_UNAVAILABLE: {
    status: 502,
    title: 'The provider is not available',
    reasons: ['unreachable', 'broken'],
    retryable: true,
    startAgain: true,
    detail: 'The service that this site connects to is down or under maintenance. Please try again in a moment.',
    message: 'The provider could not be reached or reported a failure of its own.',
  },
  ERR_CONNECT_TIMEOUT: {
    status: 504,
    title: 'The provider did not answer in time',
    reasons: NONE,
    retryable: true,
    startAgain: true,
    detail: 'The service that this site connects to is too slow right now. Please try again in a moment.',
    message: 'The provider gave no complete answer within timeoutMs.',
  },
  ERR_CONNECT_RESPONSE: {
    status: 502,
    title: 'The provider gave an unusable answer',
    reasons: ['no_token', 'redirect', 'too_large', 'encoded', 'not_json', 'html', 'unknown_error', 'http_status'],
    retryable: true,
    startAgain: true,
    detail: 'The service that this site connects to gave an answer that cannot be used. Please try again later.',
    message: "The provider's answer is not what its documentation promises.",
  },
  ERR_CONNECT_API: {
    status: 400,
    title: 'The provider refused the request',
    reasons: NONE,
    retryable: false,
    startAgain: true,
    detail: 'The service that this site connects to did not accept the request.',
    message: 'The Connect API refused the call.',
  },
  ERR_CONNECT_LEDGER: {
    status: 503,
    title: 'Your connection is being renewed',
    reasons: ['away', 'busy', 'timeout', 'refused', 'setup', 'answer', 'key', 'moved'],
    retryable: true,
    startAgain: true,
    detail:
      'This site could not renew your connection right now. You are still connected: please try again in a moment.',
    message:
      'The refresh ledger cannot be reached, or another process has been refreshing this connection for too long. Nothing is lost.',
    detailByReason: {
      moved: 'A sign-in was completed at the same moment, so your account may still be connected. Please try again.',
    },
  },
});

// Extract removes nothing here: it makes editors show this name instead of the whole list.
/** Every code that this package throws. Stable: a rename is a breaking change. */
export type ConnectErrorCode = Extract<keyof typeof CODES, string>;

/** The possible values of `reason` for a code; where no code is named, for all codes together. */
export type ConnectErrorReason<Code extends ConnectErrorCode = ConnectErrorCode> = {
  [Each in Code]: (typeof CODES)[Each] extends CodeRow<infer Reason> ? Reason : never;
}[Code];

/** Ships with the package; its headings are the codes. */
const DOCS = 'express-connect-auth/docs/errors.md';

/**
 * Ends a developer's message with a link to the docs. One about options needs no link: it names each faulty option and
 * what it must be.
 */
export function withDocs(code: ConnectErrorCode, own: string | undefined): string {
  if (code === 'ERR_CONNECT_OPTIONS' && own !== undefined) return own;
  const message = own ?? CODES[code].message;
  return `${message}${/[.!?]$/u.test(message) ? '' : '.'} See ${DOCS}#${code.toLowerCase()}.`;
}

/**
 * Whether answers with this code link to the sign-in. A code that only a newer copy of this package knows counts as
 * yes.
 */
export function startAgainHelps(code: ConnectErrorCode): boolean {
  return !Object.hasOwn(CODES, code) || CODES[code].startAgain;
}

/** Gives the table its type: the codes by name, each with its reasons, the rest as {@link CodeRow}. */
function table<Reasons extends Readonly<Record<string, string>>>(rows: {
  readonly [Code in keyof Reasons]: CodeRow<Reasons[Code]>;
}): { readonly [Code in keyof Reasons]: CodeRow<Reasons[Code]> } {
  return rows;
}
