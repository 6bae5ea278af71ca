/*
 * Everything that this package hooks into, in one place.
 *
 * | what                          | how                                            | why                                      |
 * | ----------------------------- | ---------------------------------------------- | ---------------------------------------- |
 * | a property of the session     | a getter with two faces, and an own `toJSON`   | the app reads the token; a serialiser    |
 * |                               | (`giveTwoFaces`)                               | reads what was loaded: nothing looks     |
 * |                               |                                                | modified, and no token is stored plain   |
 * | the store's `set` and `touch` | given the stored form (`useSessions`,          | newest token, sealed, whoever saves      |
 * |                               | `storedForm`)                                  |                                          |
 * |                               | skipped for a session that was moved, whose    | an older request must not bring it back, |
 * |                               | cookie is not set again (`suppressCookie`)     | nor send the visitor back to it          |
 * |                               | given another document once (`saveInstead`)    | only the token is to change there        |
 * | its `createSession`, `destroy`| listened to (`hookStore`)                      | which sessions were seen, and have ended |
 * |                               | reloaded sessions are opened (`useSessions`)   | `req.session.reload()` makes a new one   |
 * | the token                     | `inspect` shows a phrase; `toJSON` shows the   | copies of a session are printed and      |
 * |                               | sealed form under its own name (`hidePrinted`) | logged                                   |
 */
import { inspect } from 'node:util';
import type { Request } from 'express';
import type { Session, Store } from 'express-session';

type Properties = Readonly<Record<string, unknown>>;
type Writable = Record<string, unknown>;

/** What a property of a session is, to the app and to the session's serialiser. */
export interface Faces {
  /** Worked out when the app reads the property. */
  readonly shown: () => unknown;
  /** Whether the app may see it at this moment. @defaultValue it may */
  readonly isShown?: (() => boolean) | undefined;
  /** As loaded, or as last saved. */
  loaded: unknown;
}

interface Known extends Faces {
  /** Whether the serialiser does the next read. */
  isSerialised: boolean;
}

/** By getter: once the app assigns or deletes the property, the getter, and with it the entry, is gone. */
const known = new WeakMap<() => unknown, Known>();

/** The faces of a property, if it has two. */
export function facesOf(session: object, key: string): Faces | undefined {
  return knownFaces(session, key);
}

function knownFaces(session: object, key: string): Known | undefined {
  const { get } = (Object.getOwnPropertyDescriptor(session, key) ?? {}) as { get?: () => unknown };
  return get === undefined ? undefined : known.get(get);
}

/** Gives a property of a session two faces; assigning or deleting it works as usual. */
export function giveTwoFaces(session: Writable, key: string, { shown, isShown, loaded }: Faces): void {
  const faces: Known = { shown, isShown, loaded, isSerialised: false };
  const get = (): unknown => {
    if (!faces.isSerialised) return faces.isShown?.() === false ? undefined : faces.shown();
    faces.isSerialised = false;
    return faces.loaded;
  };
  known.set(get, faces);
  const set = (value: unknown): void => {
    Object.defineProperty(session, key, { value, enumerable: true, configurable: true, writable: true });
  };
  Object.defineProperty(session, key, { get, set, enumerable: true, configurable: true });
  watchSerialiser(session);
}

const watched = new WeakSet();
/** Costs a tenth of queueMicrotask(), which makes an AsyncResource each time. */
const inNextMicrotask = Promise.resolve();

/** JSON.stringify calls the session's toJSON right before it reads the properties, each once. */
function watchSerialiser(session: Writable): void {
  if (watched.has(session)) return;
  watched.add(session);
  const before = Object.getOwnPropertyDescriptor(session, 'toJSON')?.value as (() => unknown) | undefined;
  Object.defineProperty(session, 'toJSON', {
    configurable: true,
    value: function toStoredForm() {
      before?.call(session);
      const all = Object.keys(session).flatMap((key) => knownFaces(session, key) ?? []);
      for (const faces of all) faces.isSerialised = true;
      // A serialiser is done before anybody awaits. If it fails, or skips these keys, the flag stays until the next
      // microtask: code in the same turn may read the stored form once.
      void inNextMicrotask.then(() => {
        for (const faces of all) faces.isSerialised = false;
      });
      // The same object: express-session tells the session from its parts by identity when it hashes them.
      return session;
    },
  });
}

/** The properties of a session, or of its document, as a serialiser reads them. */
export function asLoaded(session: Properties): Properties {
  return Object.fromEntries(
    Object.keys(session).map((key) => {
      const faces = facesOf(session, key);
      return [key, faces === undefined ? session[key] : faces.loaded];
    }),
  );
}

/**
 * Gives what the store is to keep in place of a session's properties; a member that is undefined: nothing. No member, or
 * no answer: as loaded.
 */
export type Keep = (session: Writable) => Properties | undefined;

/** What an instance does with every session of a request, including one that the app makes or reloads in it. */
export interface SessionUse {
  /** Decides what the store is to keep. */
  readonly keeps: readonly Keep[];
  /** Makes the request's session, which has just been loaded again, fit to be read by the app. */
  readonly open: (req: Request) => void;
}

/** By request. */
const usesOf = new WeakMap<object, readonly SessionUse[]>();

/** Has the sessions of this request used so from now on. */
export function useSessions(req: Request, one: SessionUse): void {
  const before = usesOf.get(req);
  if (before === undefined) usesOf.set(req, [one]);
  else if (!before.includes(one)) usesOf.set(req, [...before, one]);
}

type Call = (...given: unknown[]) => unknown;

/** What a store is hooked for. */
export interface StoreHooks {
  /** Called when a session has just been read. */
  readonly onLoad: (session: object) => void;
  /** Called before the store does anything, whoever ends the session, and however. */
  readonly onDestroy: (sessionId: string) => void;
  /** Whether a session, as a request has loaded it, goes on under another id: then it is neither written nor touched. */
  readonly hasMovedOn: (session: object) => boolean;
}

/** Hooks a store; to be called once for each. */
export function hookStore(store: Store, { onLoad, onDestroy, hasMovedOn }: StoreHooks): void {
  wrap(store, 'createSession', (createSession) => (req, ...rest) => {
    const session = createSession(req, ...rest);
    onLoad(session as Session);
    for (const { open } of usesOf.get(req as object) ?? []) open(req as Request);
    return session;
  });
  // An app may also store a session under an id of its own.
  const isLeftOut = (id: unknown, session: unknown): boolean =>
    hasMovedOn(session as Session) && id === (session as Session).id;
  wrap(store, 'set', (set) => (id, session, ...rest) => {
    if (isLeftOut(id, session)) {
      skipWrite(session as Session, rest);
      return undefined;
    }
    const instead = replacements.get(session as object);
    if (instead === undefined) return set(id, storedForm(session), ...rest);
    instead.returned = set(id, instead.document, ...rest);
    return instead.returned;
  });
  wrap(
    store,
    'touch',
    (touch) =>
      (id, session, ...rest) =>
        isLeftOut(id, session) ? skipWrite(session as Session, rest) : touch(id, storedForm(session), ...rest),
  );
  wrap(store, 'destroy', (destroy) => (id, ...rest) => {
    onDestroy(String(id));
    return destroy(id, ...rest);
  });
}

function wrap(store: Store, name: 'createSession' | 'set' | 'touch' | 'destroy', around: (call: Call) => Call): void {
  const operations = store as unknown as Record<string, Call | undefined>;
  const operation = operations[name]?.bind(store);
  // express-session asks whether there is a touch().
  if (operation !== undefined) operations[name] = around(operation);
}

/** Reports success: the visitor continues in another session, and nobody reads this one any more. */
function skipWrite(session: Session, [done]: readonly unknown[]): void {
  const { req } = session as { req?: Request };
  if (req?.sessionID === session.id && req.res?.headersSent !== true) suppressCookie(req);
  if (typeof done === 'function') setImmediate(done as () => void);
}

/**
 * Keeps express-session from setting the cookie of a request's session again: it saves or touches at the end of an
 * answer, then writes the headers, and sets no cookie without a session id. If the app saves earlier, it gets the id
 * back at once.
 */
function suppressCookie(req: Request): void {
  const { sessionID } = req;
  Object.assign(req, { sessionID: undefined });
  queueMicrotask(() => {
    if (req.res?.headersSent !== true && (req.sessionID as unknown) === undefined) Object.assign(req, { sessionID });
  });
}

/** The session itself if it can be stored as it is; else a copy, which is also a session. */
function storedForm(session: unknown): unknown {
  if (typeof session !== 'object' || session === null) return session;
  const { req } = session as { req?: object };
  const uses = (req === undefined ? undefined : usesOf.get(req)) ?? [];
  const kept = uses
    .flatMap(({ keeps }) => keeps.map((keep) => keep(session as Writable)))
    .filter((one) => one !== undefined);
  const isTwoFaced = watched.has(session) && Object.keys(session).some((key) => facesOf(session, key) !== undefined);
  if (!isTwoFaced && kept.length === 0) return session;
  const copy = Object.create(
    Object.getPrototypeOf(session) as object | null,
    Object.getOwnPropertyDescriptors(session),
  ) as Writable;
  Reflect.deleteProperty(copy, 'toJSON');
  for (const [key, value] of Object.entries(
    Object.assign({}, asLoaded(session as Properties), ...kept) as Properties,
  )) {
    if (value === undefined) Reflect.deleteProperty(copy, key);
    else Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

interface Replacement {
  readonly document: object;
  returned: unknown;
}

const replacements = new WeakMap<object, Replacement>();

/**
 * Saves a session, but has the store write another document in its place. express-session then counts the session as
 * saved; otherwise, with `resave`, it would overwrite the document with this request's older copy at the end of the
 * answer.
 * @returns what the store returned, possibly a promise
 */
export function saveInstead(session: Session, document: object, done: (error?: unknown) => void): unknown {
  const replacement: Replacement = { document, returned: undefined };
  replacements.set(session, replacement);
  try {
    // save() notes the session's hash, then calls the store's set, both before it returns.
    session.save(done);
  } finally {
    replacements.delete(session);
  }
  return replacement.returned;
}

/**
 * Keeps a token out of printed sessions, and of printed copies of them.
 * @param key - of the token in the session. The app's own `res.json(req.session.connectToken)` still shows the token
 * @param sealed - the form in the store; undefined where that is not a secret
 */
export function hidePrinted(token: object, key: string, sealed: (() => unknown) | undefined): void {
  const readable = { ...token };
  Object.defineProperty(token, inspect.custom, { value: () => '[token of a connected account]' });
  if (sealed === undefined) return;
  Object.defineProperty(token, 'toJSON', { value: (name: string) => (name === key ? sealed() : { ...readable }) });
}
