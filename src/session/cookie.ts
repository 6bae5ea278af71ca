import type { Request } from 'express';
import { sentHeader } from '../web/sent-header';

/**
 * How a request shows which session it belongs to. Only express-session verifies signatures, and it reports only
 * `req.sessionID`; nothing else in the Cookie header can be trusted. A pair counts only if it equals, name and
 * signature included, one that express-session has verified for an earlier request.
 */
export interface Presented {
  /** The id that express-session has verified, or has just made up for a new session. */
  readonly sessionId: string;
  /**
   * Whether the request came with this session. The id of a new session proves nothing: a `genid` that repeats itself
   * gives another visitor's.
   */
  readonly isOwn: boolean;
  /** Whether no cookie came with this id: the session was made for this request and is not stored yet. */
  readonly isNew: boolean;
  /**
   * The pair of the Cookie header that express-session has verified. Undefined for a new session, and if several pairs
   * carry the id, because any of them may have been planted.
   */
  readonly verified: string | undefined;
  /** Pairs that may have been verified before the session moved or ended. None when the request has a living session. */
  readonly former: readonly string[];
}

interface SignedPair {
  /** As sent: `name=value`. */
  readonly text: string;
  readonly id: string;
  readonly hasSignature: boolean;
}

/**
 * Reads how a request shows its session, as the request stands now.
 * @param holdsOurs - whether the session holds anything of this package: then it is not new, however its id came
 */
export function presentedBy(req: Request, holdsOurs: boolean): Presented {
  const { sessionID: sessionId } = req;
  const pairs = signedPairs(req);
  const [own, another] = pairs.filter(({ id }) => id === sessionId);
  return {
    sessionId,
    isOwn: holdsOurs || own !== undefined,
    isNew: own === undefined,
    verified: another === undefined ? own?.text : undefined,
    former: own === undefined ? pairs.filter(({ hasSignature }) => hasSignature).map(({ text }) => text) : [],
  };
}

/** Whether the request came with this session in a cookie, instead of getting a new one. */
export function cameWithSession(req: Request): boolean {
  return signedPairs(req).some(({ id }) => id === req.sessionID);
}

/**
 * All pairs in the form that express-session signs, `s:id.signature`, quoted and encoded or not. All, because a pair
 * that is missed here counts as absent; the server's header limit bounds them. The reading is more lenient than
 * express-session's, so that it finds every pair that express-session verifies.
 */
function signedPairs(req: Request): readonly SignedPair[] {
  return (sentHeader(req, 'cookie') ?? '').split(';').flatMap((part) => {
    const text = part.trim();
    const value = decoded(text.slice(text.indexOf('=') + 1).trim());
    if (!value.startsWith('s:')) return [];
    const [id, signature] = [value.slice(2, value.lastIndexOf('.')), value.slice(value.lastIndexOf('.') + 1)];
    return [{ text, id, hasSignature: SIGNATURE.test(signature) }];
  });
}

/** HMAC-SHA-256 in base64 without padding. */
const SIGNATURE = /^[A-Za-z0-9+/]{43}$/u;

function decoded(value: string): string {
  const bare = value.includes('"') ? value.replace(/^"|"$/gu, '') : value;
  if (!bare.includes('%')) return bare;
  try {
    return decodeURIComponent(bare);
  } catch {
    // As express-session's parser does.
    return bare;
  }
}
