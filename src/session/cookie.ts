import type { Request } from 'express';
import { ownOnly } from '../base/own';

/**
 * How a request shows which session it belongs to. express-session alone verifies signatures, and says no more than
 * `req.sessionID`; what else the Cookie header holds is the word of a stranger. A pair of it counts only by being equal,
 * name and signature included, to one that express-session has verified for an earlier request.
 */
export interface Presented {
  /** The id that express-session has verified, or has just made up for a new session. */
  readonly sessionId: string;
  /**
   * Whether the request came with this session. Of one that it has just been given the id says nothing: a `genid` that
   * repeats itself gives that of another visitor.
   */
  readonly isOwn: boolean;
  /** Whether no cookie has come with this id: the session was made for this request, and is in no store yet. */
  readonly isNew: boolean;
  /**
   * The pair of the Cookie header that express-session has verified. Undefined for a new session, and when several pairs
   * carry the id: then any of them may have been planted.
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
 * @param holdsOurs - whether the session holds anything of ours: then it is not new, however its id has come
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
 * All pairs in the form in which express-session signs, `s:id.signature`, quoted and encoded or not. All, because what is
 * not found here would count as absent; the server's limit for headers bounds them. Reading is more lenient than that of
 * express-session, so that no pair which it verifies is overlooked.
 */
function signedPairs(req: Request): readonly SignedPair[] {
  return (ownOnly(req.headers).cookie ?? '').split(';').flatMap((part) => {
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
  const bare = value.replace(/^"|"$/gu, '');
  try {
    return decodeURIComponent(bare);
  } catch {
    // As the parser of express-session has it.
    return bare;
  }
}
