import { ownOnly } from '../base/own';
import type { TokenSet } from './connect-token';

/** What the label of a token says: which connection it belongs to, and where it stands in its history. */
export interface Label {
  /** Id of the connection: 1–64 letters, digits, `-` and `_`. */
  readonly connectionId: string;
  /** 0 at sign-in, +1 per refresh. */
  readonly generation: number;
  /** Seconds from the answer to the expiry; only there when so short that it matters. 0: it had passed already. */
  readonly lifetimeSeconds?: number | undefined;
  /** Whose connection it is. Nothing writes it yet. */
  readonly ownerTag?: string | undefined;
}

/**
 * `<connection id>.<generation>[.<lifetime>][.<owner tag>]`, read from the left. A third part of 1–9 digits is the
 * lifetime; the part after that (or the third one), unless it is digits only, is the owner tag. Further parts are left to
 * later versions and change nothing. So each of the optional parts is found without the other.
 */
export const LABEL_PATTERN = String.raw`[A-Za-z0-9_-]{1,64}\.\d{1,9}(?:\.[A-Za-z0-9_-]{1,64}){0,8}`;
const LABEL = new RegExp(`^${LABEL_PATTERN}$`, 'u');
/** No connection gets that far; the next one would have no place in a label. */
const LAST_GENERATION = 999_999_999;
const LIFETIME = /^\d{1,9}$/u;
const DIGITS = /^\d+$/u;

/** Reads a label. @returns undefined unless it is one, whatever was found there */
export function readLabel(value: unknown): Label | undefined {
  // Not String(): what is not a label may be anything, also an object that throws when it is made a string.
  if (typeof value !== 'string' || !LABEL.test(value)) return undefined;
  const [connectionId, digits, ...rest] = value.split('.') as [string, string, ...string[]];
  const generation = Number(digits);
  if (generation === LAST_GENERATION) return undefined;
  const [first = ''] = rest;
  const hasLifetime = LIFETIME.test(first);
  const tag = rest[hasLifetime ? 1 : 0];
  return ownOnly({
    connectionId,
    generation,
    ...(hasLifetime ? { lifetimeSeconds: Number(first) } : {}),
    ...(tag === undefined || DIGITS.test(tag) ? {} : { ownerTag: tag }),
  });
}

/** Below this many seconds the lifetime matters: a leeway or safety margin must not eat up the whole of it. */
const SHORT_LIFETIME_SECONDS = 20;

/** The label of a token set. @param refreshLeewaySeconds - which lifetimes are short depends on it */
export function labelOf({ connectionId, generation, lifetimeSeconds }: TokenSet, refreshLeewaySeconds: number): string {
  const matters =
    lifetimeSeconds !== undefined && lifetimeSeconds < Math.max(SHORT_LIFETIME_SECONDS, 5 * refreshLeewaySeconds);
  return `${connectionId}.${generation}${matters ? `.${wholeSeconds(lifetimeSeconds)}` : ''}`;
}

/** 0 says something of its own, so nothing else becomes that by rounding. */
function wholeSeconds(lifetimeSeconds: number): number {
  return lifetimeSeconds > 0 ? Math.max(1, Math.round(lifetimeSeconds)) : 0;
}
