import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { isEnvelope, readEnvelope, sealer, type Envelope, type KeyRing } from './seal';
import { define, hiddenForms, hideFromApp, isHidden, isSerialiser, onSave, watchSerialiser } from './session-hooks';
import { labelOf, readLabel, type Label } from './session-label';
import { readConnectToken, type ConnectToken, type TokenSet } from './token';

/** What of the configuration decides how a session keeps its token. */
export interface SessionTokensConfig {
  /** Session property of the token. */
  readonly sessionKey: string;
  /** Session property that held the label in version 0.1.0: read, and removed with the next write of a token. */
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
  /** Id of the connection that a session or its document holds a token of, readable or not. */
  readonly connectionIn: (document: Properties) => string | undefined;
  /** A token set as the app gets it: with its label. */
  readonly shown: (set: TokenSet) => ConnectToken;
  /** Puts a token set into a document as the store is to keep it; sealed once per token set. */
  readonly write: (document: Writable, set: TokenSet) => void;
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
  /** Everything in a session, or in its document, but the cookie and the token, as JSON. */
  readonly appPart: (session: Properties) => string;
}

/** Connections whose newest token set is remembered for requests that hold an older one; some KB each. */
const MOST_NEWEST = 5000;

/** How one live token object came to be: the set it stands for, and the form that was loaded or last saved. */
interface Origin {
  readonly set: TokenSet;
  readonly raw: unknown;
}

/** @throws nothing: what cannot be read is told by its kind */
export function sessionTokens(config: SessionTokensConfig): SessionTokens {
  const { sessionKey, lineageKey, clientId } = config;
  const seal = config.encryptionKeys === undefined ? undefined : sealer(config.encryptionKeys, 'session');
  const origins = new WeakMap<object, Origin>();
  const sealedForms = new WeakMap<TokenSet, string>();
  const newest = new Map<string, TokenSet>();
  const labelFor = (set: TokenSet): string => labelOf(set, config.refreshLeewaySeconds);

  function originOf(value: unknown): Origin | undefined {
    return typeof value === 'object' && value !== null ? origins.get(value) : undefined;
  }

  function open(session: Writable): void {
    if (!Object.hasOwn(session, sessionKey)) return;
    const raw = session[sessionKey];
    if (raw === undefined || originOf(raw) !== undefined) return;
    onSave(session, `${sessionKey} newest`, () => takeNewest(session));
    // Without keys there is nothing to open, but an envelope of the time when there were some must not be read, and a
    // token of 0.1.0 gets its label.
    if (seal === undefined && !isEnvelope(raw) && !Object.hasOwn(session, lineageKey)) return;
    const held = readDocument(session);
    if (held.kind === 'locked') hideFromApp(session, sessionKey, raw);
    else if (held.kind === 'held') expose(session, { set: held.set, raw }, () => raw);
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
    const raw = own(document, sessionKey);
    if (raw == null) return { kind: 'none' };
    const beside = readLabel(own(document, lineageKey));
    const envelope = readEnvelope(raw);
    if (envelope !== undefined) return opened(raw as string, envelope, beside);
    const token = readConnectToken(raw);
    return token === undefined ? { kind: 'malformed' } : held(token, readLabel(own(raw, 'connection')) ?? beside);
  }

  /** Version 1, of 0.1.0, had its label beside it and was bound to the connection only. */
  function opened(raw: string, envelope: Envelope, beside: Label | undefined): Held {
    const isFirst = envelope.label === undefined;
    const label = isFirst ? beside : readLabel(envelope.label);
    const text = seal?.open(raw, isFirst ? [clientId, label?.lineage ?? ''] : [clientId, sessionKey]);
    if (text === undefined || (!isFirst && label === undefined)) return { kind: 'locked' };
    const token = readConnectToken(JSON.parse(text));
    return token === undefined ? { kind: 'malformed' } : held(token, label);
  }

  function held(token: ConnectToken, label: Label | undefined): Held {
    if (label === undefined)
      return { kind: 'held', set: { token, lineage: importedLineage(config, token), generation: 0 } };
    const { lineage, generation, lifetimeSeconds } = label;
    return {
      kind: 'held',
      set: { token, lineage, generation, ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }) },
    };
  }

  function connectionIn(document: Properties): string | undefined {
    const found = readDocument(document);
    if (found.kind === 'held') return found.set.lineage;
    const raw = own(document, sessionKey);
    if (raw == null) return undefined;
    // What nobody can read ends all the same, by its label.
    const label = readEnvelope(raw)?.label ?? own(raw, 'connection') ?? own(document, lineageKey);
    return readLabel(label)?.lineage;
  }

  function shown(set: TokenSet): ConnectToken {
    return { ...set.token, connection: labelFor(set) };
  }

  /** Sealed once per set: a fresh envelope at each serialisation would make express-session see a change each time. */
  function storedToken(set: TokenSet): unknown {
    if (seal === undefined) return shown(set);
    const known = sealedForms.get(set) ?? seal.seal(JSON.stringify(set.token), [clientId, sessionKey], labelFor(set));
    sealedForms.set(set, known);
    return known;
  }

  function write(document: Writable, set: TokenSet): void {
    Reflect.deleteProperty(document, lineageKey);
    document[sessionKey] = storedToken(set);
  }

  function put(session: Writable, set: TokenSet): void {
    write(session, set);
    const raw = session[sessionKey];
    if (seal !== undefined) expose(session, { set, raw }, () => raw);
  }

  /** A long request that loaded the session before a refresh must not save its old copy over the fresh token. */
  function takeNewest(session: Writable): void {
    const found = read(session);
    if (found.kind !== 'held') return;
    const newer = newest.get(found.set.lineage);
    if (newer !== undefined && newer.generation > found.set.generation) put(session, newer);
  }

  function remember(set: TokenSet): void {
    newest.delete(set.lineage);
    newest.set(set.lineage, set);
    for (const oldest of newest.keys()) {
      if (newest.size <= MOST_NEWEST) break;
      newest.delete(oldest);
    }
  }

  function hold(session: Writable, set: TokenSet): void {
    remember(set);
    const value = session[sessionKey];
    const before = originOf(value);
    const origin: Origin = { set, raw: before === undefined ? value : before.raw };
    onSave(session, sessionKey, () => {
      Reflect.deleteProperty(session, lineageKey);
      Object.assign(origin, { raw: storedToken(set) });
    });
    expose(session, origin, () => origin.raw);
  }

  function expose(session: Writable, origin: Origin, serialise: () => unknown): void {
    const live = shown(origin.set);
    const readable = { ...live };
    watchSerialiser(session, sessionKey);
    // Sealed under the session's key whoever asks: a store may copy the session before it serialises it.
    const isForStore = (name: string): boolean =>
      seal === undefined ? isSerialiser(session, sessionKey) : name === sessionKey;
    Object.defineProperties(live, {
      // The app's own `res.json(req.session.connectToken)` shows what it reads.
      toJSON: { value: (name: string) => (isForStore(name) ? serialise() : { ...readable }) },
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
    connectionIn,
    shown,
    write,
    put,
    hold,
    hide,
    clear,
    appPart,
  });
}

function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Properties)[name]
    : undefined;
}

/** A token that the app brought from elsewhere: what identifies its connection is its refresh token. */
function importedLineage({ tokenUrl, clientId }: SessionTokensConfig, token: ConnectToken): string {
  return createHash('sha256')
    .update(JSON.stringify(['connect-auth imported v1', tokenUrl, clientId, token.refresh_token ?? token.access_token]))
    .digest('base64url');
}
