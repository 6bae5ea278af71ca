type Writable = Record<string, unknown>;

/** Defines an enumerable property of a session: one that its serialiser sees. */
export function define(session: object, key: string, descriptor: PropertyDescriptor): void {
  Object.defineProperty(session, key, { enumerable: true, configurable: true, ...descriptor });
}

const hidden = new WeakMap<object, Map<string, unknown>>();

/** Whether {@link hideFromApp} hides something under this key. */
export function isHidden(session: object, key: string): boolean {
  return hidden.get(session)?.has(key) === true;
}

/** What the store keeps of these properties, hidden or not. */
export function hiddenForms(
  session: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): Readonly<Record<string, unknown>> {
  const held = hidden.get(session);
  return Object.fromEntries(keys.map((key) => [key, held?.has(key) === true ? held.get(key) : session[key]]));
}

/** Hides a property: the app reads undefined, and the store keeps what it has. */
export function hideFromApp(session: Writable, key: string, value: unknown): void {
  const held = hidden.get(session) ?? new Map<string, unknown>();
  hidden.set(session, held.set(key, value));
  watchSerialiser(session, key);
  define(session, key, {
    get: () => (isSerialiser(session, key) ? value : undefined),
    set(next: unknown) {
      held.delete(key);
      define(session, key, { value: next, writable: true });
    },
  });
}

/** Per session our keys that its serialiser has not yet read; without an entry nobody watches it. */
const unread = new WeakMap<object, Map<string, boolean>>();

/**
 * Makes the serialiser of a session known to {@link isSerialiser}: JSON.stringify calls the session's toJSON right
 * before it reads the properties, so the next read of each key after that call is the serialiser's.
 */
export function watchSerialiser(session: Writable, key: string): void {
  const keys = unread.get(session);
  if (keys !== undefined) {
    if (!keys.has(key)) keys.set(key, false);
    return;
  }
  const watched = new Map([[key, false]]);
  unread.set(session, watched);
  const setAll = (value: boolean): void => {
    for (const name of watched.keys()) watched.set(name, value);
  };
  const before = Object.getOwnPropertyDescriptor(session, 'toJSON')?.value as (() => unknown) | undefined;
  Object.defineProperty(session, 'toJSON', {
    configurable: true,
    value: function toStoredForm() {
      before?.call(session);
      setAll(true);
      // A serialiser is done before anybody awaits; one that failed, or skips our keys, must not leave this behind.
      queueMicrotask(() => setAll(false));
      // The same object: express-session tells the session from its parts by identity when it hashes them.
      return session;
    },
  });
}

/** Whether the read that is asking now is that of the session's serialiser; true once per key and serialisation. */
export function isSerialiser(session: object, key: string): boolean {
  const keys = unread.get(session);
  if (keys?.get(key) !== true) return false;
  keys.set(key, false);
  return true;
}

const saveListeners = new WeakMap<object, Map<string, () => void>>();

/**
 * Calls `listener` right before the session is saved: by express-session at the end of the answer, by the app, or by us.
 * express-session finds out by hashes whether a session is modified, and calls save() only when it writes.
 * @param key - one listener for each; a later one replaces it
 */
export function onSave(session: Writable, key: string, listener: () => void): void {
  const known = saveListeners.get(session);
  if (known !== undefined) {
    known.set(key, listener);
    return;
  }
  const listeners = new Map([[key, listener]]);
  saveListeners.set(session, listeners);
  const save = session['save'] as ((...given: unknown[]) => unknown) | undefined;
  Object.defineProperty(session, 'save', {
    configurable: true,
    writable: true,
    value: function saveTold(this: unknown, ...given: unknown[]): unknown {
      for (const tell of listeners.values()) tell();
      return save?.apply(this, given);
    },
  });
}
