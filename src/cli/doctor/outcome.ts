import { readAnswer } from '../../provider/token/read-answer';
import type { WireAnswer, WireResult } from '../../provider/http/wire';

/** Answers that end the trying: another try would meet the same, or would be a burden. */
const ENDINGS = [
  'limited',
  'down',
  'redirect',
  'proxy',
  'no-endpoint',
  'page',
  'issued',
  'unreadable',
  'no-answer',
] as const;

/**
 * What an answer to a made-up code means:
 * `accepted` only the code was refused, so credentials and format are right; `refused` the credentials were;
 * `format` the request was not understood; `forbidden` 403 and other refusals that are about neither;
 * `error` a server error, which some servers give to a format that they do not know; the others end the trying.
 */
export type OutcomeKind = 'accepted' | 'refused' | 'format' | 'forbidden' | 'error' | (typeof ENDINGS)[number];

/** The meaning of one answer; nothing in it is a text of the provider. */
export interface Outcome {
  readonly kind: OutcomeKind;
  /** What it was recognised by: a registered OAuth name, a documented number, an HTTP status, a fault. */
  readonly sign: string;
  /** Whether the sign might as well mean something else: a bare 400 does not say that it is the code. */
  readonly weak: boolean;
  /** Seconds, 0–3600. */
  readonly retryAfterSeconds?: number;
}

/** Whether nothing more is tried after this answer. */
export function endsTrying({ kind }: Outcome): boolean {
  return ENDINGS.some((ending) => ending === kind);
}

/**
 * Reads an answer to a made-up code, by the same rules as a sign-in reads one to a true code. Pure.
 * @param nowMs - milliseconds since 1970
 */
export function readOutcome(result: WireResult, nowMs: number): Outcome {
  if (result.kind === 'fault') return { kind: 'no-answer', sign: result.fault, weak: false };
  const { answer } = result;
  const { status, body, unacceptable, headers } = answer;
  const { error } = readAnswer(
    { status, body, unacceptable, retryAfter: headers['retry-after'] },
    { stage: 'exchange', statusByApiCode: {}, nowMs },
  );
  const byStatus = kindByStatus(answer);
  if (error === undefined) return { kind: 'issued', sign: `HTTP ${status}`, weak: false };
  const { oauthError, apiCode } = error.provider ?? {};
  const named = oauthError ?? (apiCode === undefined || apiCode === status ? undefined : String(apiCode));
  const kind = byStatus ?? (oauthError !== undefined ? kindByOAuthName(oauthError) : kindByNumber(apiCode ?? status));
  return {
    kind,
    sign: byStatus === undefined && named !== undefined ? named : `HTTP ${status}`,
    weak: kind === 'accepted' && oauthError === undefined,
    ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
  };
}

/** Where HTTP alone decides, whatever the body says. */
function kindByStatus(answer: WireAnswer): OutcomeKind | undefined {
  const { status } = answer;
  if (status >= 300 && status <= 399) return 'redirect';
  if (status === 407) return 'proxy';
  if (status === 429) return 'limited';
  if (status === 503) return 'down';
  if (status === 415 || status === 406) return 'format';
  if (status === 404 || status === 405 || status === 410) return 'no-endpoint';
  if (isPage(answer) && (status < 400 || status === 400)) return 'page';
  return undefined;
}

function isPage({ headers, body }: WireAnswer): boolean {
  return /^text\/html\b/iu.test(headers['content-type'] ?? '') || /^\s*<(?:!doctype|html)\b/iu.test(body);
}

/** RFC 6749 §5.2. A server that cannot read the body misses fields in it, and calls that an invalid request. */
function kindByOAuthName(name: string): OutcomeKind {
  switch (name) {
    case 'invalid_grant':
      return 'accepted';
    case 'invalid_client':
      return 'refused';
    case 'unauthorized_client':
      return 'refused';
    case 'invalid_request':
      return 'format';
    case 'unsupported_grant_type':
      return 'format';
    case 'server_error':
      return 'error';
    case 'temporarily_unavailable':
      return 'down';
    default:
      return 'forbidden';
  }
}

/** The documented codes (page "authentication"), and HTTP statuses beside them. */
function kindByNumber(code: number): OutcomeKind {
  if ([401, 2032, 2036, 2038].includes(code)) return 'refused';
  if ([404, 405, 410].includes(code)) return 'no-endpoint';
  if ([406, 415].includes(code)) return 'format';
  if (code === 400) return 'accepted';
  if (code === 429) return 'limited';
  if (code === 503) return 'down';
  if (code >= 500 && code <= 599) return 'error';
  return code >= 400 ? 'forbidden' : 'unreadable';
}
