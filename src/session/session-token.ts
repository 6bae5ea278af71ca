import { boundedMap } from '../base/bounded-map';
import { own } from '../base/own';
import type { ConnectToken, TokenSet } from './connect-token';
import { asLoaded, facesOf, giveTwoFaces, hidePrinted, type Faces } from './hooks';
import { labelOn, tokenDocuments, type Held, type SessionTokensConfig, type TokenDocuments } from './token-document';

type Properties = Readonly<Record<string, unknown>>;
type Writable = Record<string, unknown>;

/** Puts token sets into sessions and reads them from there; seals and opens them where encryption is on. */
export interface SessionTokens extends Pick<TokenDocuments, 'labelIn' | 'imported' | 'shown' | 'write'> {
  /**
   * Makes a sealed token readable for the app, or hides one that no key opens, once the app reads it. Writes nothing.
   */
  readonly open: (session: Writable) => void;
  /** What the session holds, a token adopted earlier in this request included. */
  readonly read: (session: Writable) => Held;
  /** Id of the connection that it holds; it does not open what is sealed, because the label is readable. */
  readonly connectionIn: (session: Writable) => string | undefined;
  /** What a document of the session store holds. */
  readonly readDocument: TokenDocuments['read'];
  /** What the store is to keep whenever anybody saves a session: the newest token, in the form of this version. */
  readonly kept: (session: Writable) => Properties | undefined;
  /**
   * Lets this request use a newer token set without making the session look modified: it serialises as loaded, but is
   * stored with the newer set.
   */
  readonly hold: (session: Writable, set: TokenSet) => void;
  /**
   * Call it when the session is about to count as saved with the held token set: from now on it serialises with that.
   */
  readonly markStored: (session: Writable, set: TokenSet) => void;
  /**
   * Hides the token of an ended connection from the app, and changes nothing: a session that looks modified would be
   * saved, and a disconnect may be destroying its document at this moment. Only for a session that holds one.
   */
  readonly hide: (session: Writable) => void;
  /**
   * As `open`, but shows the token of a session, even one that arrives later, only to the user it belongs to.
   * @param tagNow - gives the tag of the user who is signed in at the moment; if it throws, so does reading the
   * property
   */
  readonly showOnlyTo: (session: Writable, tagNow: () => string | undefined) => void;
  /** Whether the token of the session is hidden from the app. */
  readonly isHidden: (session: Writable) => boolean;
  /** Removes the token from the session. */
  readonly clear: (session: Writable) => void;
  /** Everything in a session, or in its document, except the cookie and the token, as JSON. */
  readonly appPart: (session: Properties) => string;
}

/**
 * How many connections have their newest token set remembered, for requests that hold an older one; some KB each. When
 * one is forgotten, an older copy can be saved; its next reader adopts the newest set from the ledger.
 */
const MOST_NEWEST = 5000;
/** Entries do not expire. */
const UNTIL_OTHERS_COME = { now: 0, keepMs: Infinity };

/** @throws nothing: a token that cannot be read has its own kind */
export function sessionTokens(config: SessionTokensConfig): SessionTokens {
  const { sessionKey, oldLabelKey } = config;
  const documents = tokenDocuments(config);
  /** Token sets by the token objects that apps read, also if an app carries one into another session. */
  const sets = new WeakMap<object, TokenSet>();
  const viewers = new WeakMap<object, () => string | undefined>();
  /** Sessions whose token is in the form of this version, and which nobody has read yet. */
  const unread = new WeakSet<object>();
  const newest = boundedMap<TokenSet>({ most: MOST_NEWEST });

  function setOf(value: unknown): TokenSet | undefined {
    return typeof value === 'object' && value !== null ? sets.get(value) : undefined;
  }

  function open(session: Writable): void {
    openedFaces(session);
  }

  /** Opens the token of a session. @returns its two faces, if it has them then */
  function openedFaces(session: Writable): Faces | undefined {
    const faces = facesOf(session, sessionKey);
    // With two faces it is open already; who may see it does not matter here.
    if (faces !== undefined) return faces;
    const raw = own(session, sessionKey);
    if (raw === undefined || setOf(raw) !== undefined) return undefined;
    // Without keys there is nothing to open. But a token that was sealed with former keys must not be read, a token of
    // 0.1.0 gets its label, and one from elsewhere may say Bearer.
    if (!documents.areSealed && !viewers.has(session) && documents.isAsWritten(session, raw)) return undefined;
    showWhenRead(session, raw);
    return facesOf(session, sessionKey);
  }

  /** Gives the property its two faces; what it holds is found out when somebody reads it. */
  function showWhenRead(session: Writable, raw: unknown): void {
    const document = { [sessionKey]: raw, [oldLabelKey]: own(session, oldLabelKey) };
    let found: Held | undefined;
    let live: ConnectToken | undefined;
    function find(): Held {
      unread.delete(session);
      return (found ??= documents.read(document));
    }
    const tagNow = viewers.get(session);
    if (documents.isAsWritten(session, raw)) unread.add(session);
    else unread.delete(session);
    giveTwoFaces(session, sessionKey, {
      shown() {
        const held = find();
        if (held.kind === 'held') return (live ??= liveToken(held.set));
        return held.kind === 'unreadable' ? undefined : raw;
      },
      isShown:
        tagNow &&
        ((): boolean => {
          const held = find();
          return held.kind !== 'held' || tagNow() === held.set.ownerTag;
        }),
      loaded: raw,
    });
  }

  function connectionIn(session: Writable): string | undefined {
    const isUnread = facesOf(session, sessionKey) === undefined || unread.has(session);
    const label = isUnread ? labelOn(loadedIn(session)) : undefined;
    if (label !== undefined) return label.connectionId;
    const found = read(session);
    return found.kind === 'held' ? found.set.connectionId : undefined;
  }

  function read(session: Writable): Held {
    const faces = openedFaces(session);
    // Absent too: the app may have deleted it, readable or not.
    const set = setOf(faces === undefined ? own(session, sessionKey) : faces.shown());
    if (set !== undefined) return { kind: 'held', set };
    return documents.read(faces === undefined ? session : asLoaded(session));
  }

  /** A slow request that loaded the session before a refresh must not save its old copy over the fresh token. */
  function kept(session: Writable): Properties | undefined {
    if (unread.has(session) && facesOf(session, sessionKey) !== undefined && !hasNewer(session)) return undefined;
    const found = read(session);
    if (found.kind !== 'held') return undefined;
    const newer = newest.get(found.set.connectionId, 0);
    const set = newer !== undefined && newer.generation > found.set.generation ? tagged(newer, found.set) : found.set;
    const isAsItWas = set === found.set && facesOf(session, sessionKey) === undefined;
    if (!documents.areSealed && isAsItWas && !Object.hasOwn(session, oldLabelKey)) return undefined;
    return { [sessionKey]: documents.stored(set), [oldLabelKey]: undefined };
  }

  function hasNewer(session: Writable): boolean {
    const label = labelOn(loadedIn(session));
    const newer = label === undefined ? undefined : newest.get(label.connectionId, 0);
    return label === undefined || (newer !== undefined && newer.generation > label.generation);
  }

  function hold(session: Writable, set: TokenSet): void {
    newest.put(set.connectionId, set, UNTIL_OTHERS_COME);
    expose(session, set, loadedIn(session));
  }

  function markStored(session: Writable, set: TokenSet): void {
    const faces = facesOf(session, sessionKey);
    if (faces === undefined || setOf(faces.shown()) !== set) return;
    Reflect.deleteProperty(session, oldLabelKey);
    faces.loaded = documents.stored(set);
  }

  function loadedIn(session: Writable): unknown {
    const faces = facesOf(session, sessionKey);
    return faces === undefined ? own(session, sessionKey) : faces.loaded;
  }

  function liveToken(set: TokenSet): ConnectToken {
    const live = documents.shown(set);
    sets.set(live, set);
    hidePrinted(live, sessionKey, documents.areSealed ? () => documents.stored(set) : undefined);
    return live;
  }

  function expose(session: Writable, set: TokenSet, loaded: unknown): void {
    unread.delete(session);
    const live = liveToken(set);
    const tagNow = viewers.get(session);
    const isShown = tagNow && ((): boolean => tagNow() === set.ownerTag);
    giveTwoFaces(session, sessionKey, { shown: () => live, isShown, loaded });
  }

  function hide(session: Writable): void {
    const loaded = loadedIn(session);
    unread.delete(session);
    giveTwoFaces(session, sessionKey, { shown: () => undefined, loaded });
  }

  function showOnlyTo(session: Writable, tagNow: () => string | undefined): void {
    viewers.set(session, tagNow);
    if (!Object.hasOwn(session, sessionKey)) return;
    if (facesOf(session, sessionKey) === undefined) {
      showWhenRead(session, session[sessionKey]);
      return;
    }
    const found = read(session);
    if (found.kind === 'held') expose(session, found.set, loadedIn(session));
  }

  function isHidden(session: Writable): boolean {
    const faces = facesOf(session, sessionKey);
    return faces !== undefined && (faces.shown() === undefined || faces.isShown?.() === false);
  }

  function clear(session: Writable): void {
    Reflect.deleteProperty(session, sessionKey);
    Reflect.deleteProperty(session, oldLabelKey);
  }

  function appPart(session: Properties): string {
    const ours = [sessionKey, oldLabelKey, 'cookie'];
    // With their keys, because a token of another instance serialises itself by its key.
    return JSON.stringify(Object.fromEntries(Object.entries(asLoaded(session)).filter(([key]) => !ours.includes(key))));
  }

  return Object.freeze({
    open,
    read,
    connectionIn,
    readDocument: documents.read,
    labelIn: documents.labelIn,
    imported: documents.imported,
    shown: documents.shown,
    write: documents.write,
    kept,
    hold,
    markStored,
    hide,
    showOnlyTo,
    isHidden,
    clear,
    appPart,
  });
}

/** A newer token set under the owner tag of the one it replaces. */
function tagged(set: TokenSet, { ownerTag }: TokenSet): TokenSet {
  return set.ownerTag === ownerTag ? set : { ...set, ownerTag };
}
