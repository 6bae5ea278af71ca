import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { isEnvelope, sealer, type KeyRing } from './seal';
import { define, hiddenForms, hideFromApp, isHidden, isSerialiser, onSave, watchSerialiser } from './session-hooks';
import { readConnectToken, type ConnectToken, type TokenSet } from './token';

/** What of the configuration decides how a session keeps its token. */
export interface SessionTokensConfig {
  /** Session property of the token. */
  readonly sessionKey: string;
  /** Session property of `"<lineage>.<generation>"`. */
  readonly lineageKey: string;
  readonly clientId: string;
  readonly tokenUrl: string;
  readonly refreshLeewaySeconds: number;
  readonly encryptionKeys?: KeyRing | undefined;
}

/** What a session, or its document in the store, holds. `locked`: an envelope that no key opens. */
export type Held =
  { readonly kind: 'none' | 'malformed' | 'locked' } | { readonly kind: 'held'; readonly set: TokenSet };

type Properties = Readonly<Record<string, unknown>>;
type Writable = Record<string, unknown>;

/** Puts token sets into sessions and reads them from there; seals and opens them where encryption is on. */
export interface SessionTokens {
  /** Makes a sealed token readable for the app, or hides one that no key opens. Writes nothing. */
  readonly open: (session: Writable) => void;
  /** What the session holds, a token adopted earlier in this request included. */
  readonly read: (session: Writable) => Held;
  /** What a document of the session store holds. */
  readonly readDocument: (document: Properties) => Held;
  /** Our two properties as the store is to keep them; sealed once per token set. */
  readonly stored: (set: TokenSet) => Properties;
  /** Puts a token set into a session that is about to be saved. */
  readonly put: (session: Writable, set: TokenSet) => void;
  /**
   * Lets this request use a newer token set without making the session look modified: it serialises as it was loaded,
   * and from its next save on, whoever calls for that, with the newer set.
   */
  readonly hold: (session: Writable, set: TokenSet) => void;
  /**
   * Hides the token of an ended connection from the app, and changes nothing: a session that looks modified would be
   * saved, and a disconnect may be destroying its document at this moment.
   */
  readonly hide: (session: Writable) => void;
  /** Removes the token from the session. */
  readonly clear: (session: Writable) => void;
  /** Everything in a session, or in its document, but the cookie and our two properties, as JSON. */
  readonly appPart: (session: Properties) => string;
}

/** `<lineage>.<generation>`, and for short-lived tokens `.<lifetime in seconds>`. */
const LABEL = /^([A-Za-z0-9_-]{1,64})\.(\d{1,9})(?:\.(\d{1,9}))?$/u;
/** Below this many seconds the lifetime matters: a leeway or safety margin must not eat up the whole of it. */
const SHORT_LIFETIME_SECONDS = 20;

/** How one live token object came to be: the set it stands for, and the form that was loaded or last saved. */
interface Origin {
  readonly set: TokenSet;
  readonly raw: unknown;
  readonly rawLabel: unknown;
}

/** @throws nothing: what cannot be read is told by its kind */
export function sessionTokens(config: SessionTokensConfig): SessionTokens {
  const { sessionKey, lineageKey, clientId } = config;
  const seal = config.encryptionKeys === undefined ? undefined : sealer(config.encryptionKeys, 'session');
  const origins = new WeakMap<object, Origin>();
  const sealedForms = new WeakMap<TokenSet, string>();

  function originOf(value: unknown): Origin | undefined {
    return typeof value === 'object' && value !== null ? origins.get(value) : undefined;
  }

  function open(session: Writable): void {
    if (!Object.hasOwn(session, sessionKey)) return;
    const raw = session[sessionKey];
    if (raw === undefined || originOf(raw) !== undefined) return;
    // Without keys there is nothing to open, but an envelope of the time when there were some must not be read.
    if (seal === undefined && !isEnvelope(raw)) return;
    const held = readDocument(session);
    if (held.kind === 'locked') hideFromApp(session, sessionKey, raw);
    else if (held.kind === 'held') expose(session, { set: held.set, raw, rawLabel: session[lineageKey] }, () => raw);
  }

  function read(session: Writable): Held {
    open(session);
    // The app may have deleted it, locked or not.
    if (!Object.hasOwn(session, sessionKey)) return { kind: 'none' };
    const value = session[sessionKey];
    if (value === undefined && isHidden(session, sessionKey))
      return readDocument(hiddenForms(session, [sessionKey, lineageKey]));
    const origin = originOf(value);
    return origin === undefined ? readDocument(session) : { kind: 'held', set: origin.set };
  }

  function readDocument(document: Properties): Held {
    const raw = Object.hasOwn(document, sessionKey) ? document[sessionKey] : undefined;
    if (raw == null) return { kind: 'none' };
    const text = Object.hasOwn(document, lineageKey) ? document[lineageKey] : undefined;
    // Not String(): what is no label may be anything, an object that throws when it is made a string too.
    const label = typeof text === 'string' ? LABEL.exec(text) : null;
    if (isEnvelope(raw)) return opened(raw, label);
    const token = readConnectToken(raw);
    return token === undefined ? { kind: 'malformed' } : { kind: 'held', set: labelled(token, label) };
  }

  function opened(envelope: string, label: RegExpExecArray | null): Held {
    const text = seal?.open(envelope, [clientId, label?.[1] ?? '']);
    if (text === undefined) return { kind: 'locked' };
    const token = readConnectToken(JSON.parse(text));
    return token === undefined ? { kind: 'malformed' } : { kind: 'held', set: labelled(token, label) };
  }

  function labelled(token: ConnectToken, label: RegExpExecArray | null): TokenSet {
    const [, lineage, generation, lifetime] = label ?? [];
    if (lineage === undefined) return { token, lineage: importedLineage(config, token), generation: 0 };
    return {
      token,
      lineage,
      generation: Number(generation),
      ...(lifetime === undefined ? {} : { lifetimeSeconds: Number(lifetime) }),
    };
  }

  function label({ lineage, generation, lifetimeSeconds }: TokenSet): string {
    const matters =
      lifetimeSeconds !== undefined &&
      lifetimeSeconds < Math.max(SHORT_LIFETIME_SECONDS, 5 * config.refreshLeewaySeconds);
    return `${lineage}.${generation}${matters ? `.${Math.max(0, Math.round(lifetimeSeconds))}` : ''}`;
  }

  /** Sealed once per set: a fresh envelope at each serialisation would make express-session see a change each time. */
  function storedToken(set: TokenSet): unknown {
    if (seal === undefined) return set.token;
    const known = sealedForms.get(set) ?? seal.seal(JSON.stringify(set.token), [clientId, set.lineage]);
    sealedForms.set(set, known);
    return known;
  }

  function put(session: Writable, set: TokenSet): void {
    Reflect.deleteProperty(session, lineageKey);
    session[lineageKey] = label(set);
    const raw = storedToken(set);
    if (seal === undefined) session[sessionKey] = raw;
    else expose(session, { set, raw, rawLabel: session[lineageKey] }, () => raw);
  }

  function hold(session: Writable, set: TokenSet): void {
    const value = session[sessionKey];
    const before = originOf(value);
    const origin: Origin = { set, raw: before === undefined ? value : before.raw, rawLabel: session[lineageKey] };
    onSave(session, sessionKey, () => Object.assign(origin, { raw: storedToken(set), rawLabel: label(set) }));
    expose(session, origin, () => origin.raw);
    define(session, lineageKey, {
      get: () => origin.rawLabel,
      set: (next: unknown) => define(session, lineageKey, { value: next, writable: true }),
    });
  }

  function expose(session: Writable, origin: Origin, serialise: () => unknown): void {
    const { token } = origin.set;
    const live = { ...token };
    watchSerialiser(session, sessionKey);
    // Sealed under the session's key whoever asks: a store may copy the session before it serialises it.
    const isForStore = (name: string): boolean =>
      seal === undefined ? isSerialiser(session, sessionKey) : name === sessionKey;
    Object.defineProperties(live, {
      // The app's own `res.json(req.session.connectToken)` shows what it reads.
      toJSON: { value: (name: string) => (isForStore(name) ? serialise() : { ...token }) },
      [inspect.custom]: { value: () => '[token of a connected account]' },
    });
    origins.set(live, origin);
    define(session, sessionKey, { value: live, writable: true });
  }

  function hide(session: Writable): void {
    for (const key of [sessionKey, lineageKey]) {
      if (!Object.hasOwn(session, key) || isHidden(session, key)) continue;
      const value = session[key];
      const origin = originOf(value);
      hideFromApp(session, key, origin === undefined ? value : origin.raw);
    }
  }

  function clear(session: Writable): void {
    Reflect.deleteProperty(session, sessionKey);
    Reflect.deleteProperty(session, lineageKey);
  }

  function appPart(session: Properties): string {
    const own = Object.keys(session).filter((key) => key !== sessionKey && key !== lineageKey && key !== 'cookie');
    // Under their own names, because another instance's token serialises itself by its name.
    return JSON.stringify(Object.fromEntries(own.map((key) => [key, session[key]])));
  }

  return Object.freeze({
    open,
    read,
    readDocument,
    put,
    hold,
    hide,
    clear,
    appPart,
    stored: (set: TokenSet) => ({ [sessionKey]: storedToken(set), [lineageKey]: label(set) }),
  });
}

/** A token that the app brought from elsewhere: what identifies its connection is its refresh token. */
function importedLineage({ tokenUrl, clientId }: SessionTokensConfig, token: ConnectToken): string {
  return createHash('sha256')
    .update(JSON.stringify(['connect-auth imported v1', tokenUrl, clientId, token.refresh_token ?? token.access_token]))
    .digest('base64url');
}
