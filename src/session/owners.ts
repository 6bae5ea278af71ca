import { createHmac } from 'node:crypto';
import type { Request } from 'express';
import { boundedMap } from '../base/bounded-map';
import { ConnectError } from '../errors/connect-error';
import type { TokenSet } from './connect-token';

/** A user of the app. */
export interface Owner {
  /** As the app names them. */
  readonly name: string;
  /**
   * Tells sessions of this user from those of others. It is part of a token's label, which anybody may read, so it is a
   * keyed hash: without the client secret nobody can reverse or make one.
   */
  readonly tag: string;
}

/** Whose connection a request is about. */
export interface Owners {
  /** Whether requests belong to users at all. */
  readonly areGiven: boolean;
  /**
   * Asks the app each time: it may log somebody in or out during a request.
   * @returns undefined when nobody is signed in
   * @throws ConnectError `ERR_CONNECT_OPTIONS` when `owner` throws, or returns anything but a user id
   */
  readonly of: (req: Request) => Owner | undefined;
  /** For events: the app's last answer, because the session may have been taken off the request since. */
  readonly nameIn: (req: Request) => string | undefined;
  /** A user by name. @throws ConnectError `ERR_CONNECT_OPTIONS` */
  readonly named: (name: unknown) => Owner;
}

/** The app's function. */
export type OwnerOf = (req: Request) => string | number | undefined;

/** What finding owners needs. */
export interface OwnersConfig {
  /** Undefined: requests belong to no user. */
  readonly owner?: OwnerOf | undefined;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly sessionKey: string;
}

/** Characters of a user's name. */
const LONGEST_NAME = 256;
/**
 * Control characters, halves of surrogate pairs, and a name that means something else to a store that uses an object.
 */
const NO_NAME = /[\p{Cc}\p{Cs}]|^__proto__$/u;
/** A tag that is forgotten is computed again. */
const MOST_TAGS = 10_000;
const TAG_BYTES = 16;
const FOR_EVER = { now: 0, keepMs: Infinity };

/** Reads and tags the users of one instance. */
export function owners({ owner, clientId, clientSecret, sessionKey }: OwnersConfig): Owners {
  const tags = boundedMap<string>({ most: MOST_TAGS });
  const lastSaid = new WeakMap<Request, string | undefined>();

  function tagOf(name: string): string {
    const known = tags.get(name, 0);
    if (known !== undefined) return known;
    const words = JSON.stringify(['connect-auth owner v1', clientId, sessionKey, name]);
    // Starts with a letter: a part of digits only would not be read as a tag.
    const tag = `o${createHmac('sha256', clientSecret).update(words).digest().subarray(0, TAG_BYTES).toString('base64url')}`;
    tags.put(name, tag, FOR_EVER);
    return tag;
  }

  function ownerNamed(value: unknown, who: string, expected: string): Owner {
    const name = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
    if (typeof name !== 'string' || name.length < 1 || name.length > LONGEST_NAME || NO_NAME.test(name))
      throw unusable(`${who} ${kindOf(value)}. ${expected}`);
    return { name, tag: tagOf(name) };
  }

  function ofRequest(req: Request): Owner | undefined {
    if (owner === undefined) return undefined;
    let value: unknown;
    try {
      value = owner(req);
    } catch {
      throw unusable('The function in option owner has thrown. It is called for every request, even before a login.');
    }
    const named =
      value === undefined ? undefined : ownerNamed(value, 'The function in option owner has returned', FOR_REQUESTS);
    lastSaid.set(req, named?.name);
    return named;
  }

  return Object.freeze({
    areGiven: owner !== undefined,
    of: ofRequest,
    nameIn(req: Request): string | undefined {
      try {
        return lastSaid.has(req) ? lastSaid.get(req) : ofRequest(req)?.name;
      } catch {
        return undefined;
      }
    },
    named: (name: unknown) => ownerNamed(name, 'The owner passed to connect.of() is', `${EXPECTED}.`),
  });
}

/** A token set as it belongs to this user, or without one to its session only. */
export function ofOwner(set: TokenSet, owner: Owner | undefined): TokenSet {
  const { token, connectionId, generation, lifetimeSeconds } = set;
  return { token, connectionId, generation, lifetimeSeconds, owner: owner?.name, ownerTag: owner?.tag };
}

const EXPECTED = `Expected a string of 1–${LONGEST_NAME} characters without control characters, or a safe integer`;
const FOR_REQUESTS = `${EXPECTED}: req.user?.id, not the whole user; undefined if nobody is signed in.`;

/** Describes what was given, without its value. */
function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'object' && isThenable(value)) return 'a promise: it must be synchronous';
  if (typeof value === 'string')
    return value === '' ? 'an empty string' : 'a string that is too long, not plain text, or __proto__';
  if (typeof value === 'number') return 'a number, but not a safe integer';
  return `a value of type ${typeof value}`;
}

function isThenable(value: object): boolean {
  try {
    if (typeof (value as { then?: unknown }).then !== 'function') return false;
    // If it rejects, nobody else would catch that.
    Promise.resolve(value).catch(() => undefined);
    return true;
  } catch {
    return false;
  }
}

function unusable(message: string): ConnectError {
  return new ConnectError('ERR_CONNECT_OPTIONS', { stage: 'options', message });
}
