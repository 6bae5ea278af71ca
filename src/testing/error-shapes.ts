import type { Answer } from './answer';
import { jsonAnswer } from './answer';
import type { SandboxSwitches } from './switches';

/** Why the sandbox says no. */
export interface Refusal {
  /** One of the provider's 17 documented codes. */
  readonly apiCode: number;
  /** The OAuth name, where it is more precise than the code's own row (RFC 6749 §5.2, RFC 6750 §3.1). */
  readonly oauthError?: string;
  /** Only sent in the shapes `oauth` and `form`, as `error_description`. */
  readonly description?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** OAuth has no name for this one: the number is sent even where errors are OAuth's. */
  readonly inNumbers?: boolean;
}

interface Row {
  /** Documented for the 20xx codes (page "authentication"); for the others in words of the sandbox. */
  readonly meaning: string;
  /** Invented for the 20xx codes: no page says which HTTP status they come with. */
  readonly status: number;
  /** Invented: the provider documents numbers only. */
  readonly oauthError: string;
}

const ROWS: Readonly<Record<number, Row>> = {
  400: { meaning: 'The request is invalid', status: 400, oauthError: 'invalid_grant' },
  401: { meaning: 'The API key is wrong', status: 401, oauthError: 'invalid_client' },
  403: { meaning: 'For administrators only', status: 403, oauthError: 'access_denied' },
  404: { meaning: 'Not found', status: 404, oauthError: 'invalid_request' },
  405: { meaning: 'Method not allowed', status: 405, oauthError: 'invalid_request' },
  406: { meaning: 'The request is not JSON', status: 406, oauthError: 'invalid_request' },
  410: { meaning: 'Gone', status: 410, oauthError: 'invalid_request' },
  429: { meaning: 'Too many requests', status: 429, oauthError: 'temporarily_unavailable' },
  500: { meaning: 'Our server has a problem', status: 500, oauthError: 'server_error' },
  503: { meaning: 'Under maintenance', status: 503, oauthError: 'temporarily_unavailable' },
  2032: { meaning: 'API Key is required', status: 401, oauthError: 'invalid_client' },
  2034: { meaning: 'Email is required', status: 400, oauthError: 'access_denied' },
  2036: { meaning: 'Invalid API Key', status: 401, oauthError: 'invalid_client' },
  2038: { meaning: 'Provide valid API Key', status: 401, oauthError: 'invalid_client' },
  2039: { meaning: 'Email already exists', status: 400, oauthError: 'access_denied' },
  2040: { meaning: 'Phone already exists', status: 400, oauthError: 'access_denied' },
  2041: { meaning: 'Email Invalid', status: 400, oauthError: 'access_denied' },
};

/** The provider's documented API codes, which `force` takes. */
export const SANDBOX_API_CODES: readonly number[] = Object.freeze(Object.keys(ROWS).map(Number));

interface Facts {
  readonly code: number;
  readonly meaning: string;
  readonly oauthError: string;
  readonly description: string;
}

interface Body {
  readonly type: string;
  readonly text: string;
}

/**
 * One body per shape. All are invented: no sample of an error body is documented anywhere, so a client has to
 * recognise each of them.
 */
const BODIES: Readonly<Record<SandboxSwitches['errorShape'], (facts: Facts) => Body>> = {
  oauth: ({ oauthError, description }) => json({ error: oauthError, error_description: description }),
  errorObject: ({ code, meaning }) => json({ error: { code, message: meaning } }),
  errorStatus: ({ code, meaning }) => json({ error: { status: code, type: meaning } }),
  flat: ({ code }) => json({ code }),
  failedMessage: ({ meaning }) => json({ success: false, message: meaning }),
  failedCode: ({ code }) => json({ success: false, data: { code } }),
  failedError: ({ code, meaning }) => json({ success: false, data: { error: { code, message: meaning } } }),
  list: ({ code, meaning }) => json({ errors: [{ code, message: meaning }] }),
  array: ({ code, meaning }) => json([{ code, message: meaning }]),
  message: ({ meaning }) => json({ message: meaning }),
  numberedMessage: ({ code, meaning }) => json({ message: `${code}: ${meaning}` }),
  text: ({ meaning }) => ({ type: 'text/plain; charset=utf-8', text: meaning }),
  form: ({ oauthError, description }) => ({
    type: 'application/x-www-form-urlencoded',
    text: new URLSearchParams({ error: oauthError, error_description: description }).toString(),
  }),
  encodedTwice: ({ code }) => json(JSON.stringify({ code })),
  foreignNumber: () => json({ code: 16 }),
  html: ({ meaning }) => ({
    type: 'text/html; charset=utf-8',
    text: `<!doctype html><title>Error</title><h1>${meaning}</h1>`,
  }),
  empty: () => ({ type: 'application/json', text: '' }),
  truncated: () => ({ type: 'application/json', text: '{"error":{"code":20' }),
  scalar: () => json(true),
};

/** Shapes that hold an OAuth name and no number. */
const OAUTH_SHAPES: ReadonlySet<SandboxSwitches['errorShape']> = new Set(['oauth', 'form']);

/** The HTTP answer to a refusal, in the shape and with the status that the switches ask for. */
export function refusalAnswer(refusal: Refusal, switches: Pick<SandboxSwitches, 'errorShape' | 'errorStatus'>): Answer {
  const row = rowOf(refusal.apiCode);
  const facts: Facts = {
    code: refusal.apiCode,
    meaning: row.meaning,
    oauthError: refusal.oauthError ?? row.oauthError,
    description: refusal.description ?? row.meaning,
  };
  const { errorShape, errorStatus } = switches;
  const shape = refusal.inNumbers === true && OAUTH_SHAPES.has(errorShape) ? 'errorObject' : errorShape;
  const { type, text } = BODIES[shape](facts);
  const status = errorStatus === 'matching' ? matchingStatus(row.status, shape) : errorStatus;
  return { ...jsonAnswer(status, null, { ...refusal.headers, 'Content-Type': type }), body: text };
}

/** @throws RangeError for a number that is not one of the documented codes. */
export function assertApiCode(apiCode: number): void {
  rowOf(apiCode);
}

function rowOf(apiCode: number): Row {
  const row = ROWS[apiCode];
  if (row === undefined) throw new RangeError(`The provider documents no code ${apiCode}.`);
  return row;
}

/** RFC 6749 §5.2: an OAuth error comes with 400 unless it is said otherwise. */
function matchingStatus(status: number, shape: SandboxSwitches['errorShape']): number {
  return shape === 'oauth' && [404, 405, 406, 410].includes(status) ? 400 : status;
}

function json(value: unknown): Body {
  return { type: 'application/json', text: JSON.stringify(value) };
}
