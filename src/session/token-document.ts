import { isFields, own } from '../base/own';
import { sha256 } from '../base/sha256';
import {
  labelOf,
  readConnectToken,
  readLabel,
  withLabel,
  type ConnectToken,
  type Label,
  type TokenSet,
} from './connect-token';
import { beginsSealed, isSealed, readSealed, sealer, type KeyRing, type Sealed } from './seal';

/** The options that decide how a session keeps its token. */
export interface SessionTokensConfig {
  /** Session property of the token. */
  readonly sessionKey: string;
  /** Session property that held the label in version 0.1.0: read, and removed with the next write of a token. */
  readonly oldLabelKey: string;
  readonly clientId: string;
  readonly tokenUrl: string;
  readonly refreshLeewaySeconds: number;
  readonly encryptionKeys?: KeyRing | undefined;
}

/** What a session, or its document in the store, holds. `unreadable`: sealed, but no key opens it. */
export type Held =
  { readonly kind: 'none' | 'malformed' | 'unreadable' } | { readonly kind: 'held'; readonly set: TokenSet };

type Properties = Readonly<Record<string, unknown>>;
type Writable = Record<string, unknown>;

/** Token sets as the store keeps them in a document; sealed where encryption is on. */
export interface TokenDocuments {
  /** Whether tokens are sealed. */
  readonly areSealed: boolean;
  /** What a document holds. */
  readonly read: (document: Properties) => Held;
  /** Whether a document's token is in the form in which this version writes it. @param raw - the token as it is there */
  readonly isAsWritten: (document: Properties, raw: unknown) => boolean;
  /** Label of the token that a document holds, readable or not. */
  readonly labelIn: (document: Properties) => Label | undefined;
  /** A token set of any shape that the app got elsewhere. @returns undefined unless it is complete */
  readonly imported: (value: unknown) => TokenSet | undefined;
  /** A token set as the app gets it: with its label. */
  readonly shown: (set: TokenSet) => ConnectToken;
  /** A token set as the store is to keep it; sealed once per set. */
  readonly stored: (set: TokenSet) => unknown;
  /** Puts a token set into a document. */
  readonly write: (document: Writable, set: TokenSet) => void;
}

/** @throws nothing: a token that cannot be read has its own kind */
export function tokenDocuments(config: SessionTokensConfig): TokenDocuments {
  const { sessionKey, oldLabelKey, clientId } = config;
  const seal = config.encryptionKeys === undefined ? undefined : sealer(config.encryptionKeys, 'session');
  const sealedForms = new WeakMap<TokenSet, string>();
  const labelFor = (set: TokenSet): string => labelOf(set, config.refreshLeewaySeconds);

  function read(document: Properties): Held {
    const raw = own(document, sessionKey);
    if (raw == null) return { kind: 'none' };
    const beside = readLabel(own(document, oldLabelKey));
    const sealed = readSealed(raw);
    if (sealed !== undefined) return opened(raw as string, sealed, beside);
    const token = readConnectToken(raw);
    return token === undefined ? { kind: 'malformed' } : held(token, readLabel(ownOf(raw, 'connection')) ?? beside);
  }

  /** Version 1, of 0.1.0, had its label stored beside it and was bound to the connection only. */
  function opened(raw: string, sealed: Sealed, beside: Label | undefined): Held {
    const isFirst = sealed.label === undefined;
    const label = isFirst ? beside : readLabel(sealed.label);
    const text = seal?.open(raw, isFirst ? [clientId, label?.connectionId ?? ''] : [clientId, sessionKey]);
    if (text === undefined || (!isFirst && label === undefined)) return { kind: 'unreadable' };
    const token = readConnectToken(JSON.parse(text));
    if (token === undefined) return { kind: 'malformed' };
    const found = held(token, label);
    // A save without a newer token leaves the sealed form as it is.
    if (!isFirst) sealedForms.set(found.set, raw);
    return found;
  }

  function held(token: ConnectToken, label: Label | undefined): Held & { kind: 'held' } {
    if (label === undefined)
      return {
        kind: 'held',
        set: {
          token,
          connectionId: importedConnectionId(config, token),
          generation: 0,
          lifetimeSeconds: undefined,
          owner: undefined,
          ownerTag: undefined,
        },
      };
    const { connectionId, generation, lifetimeSeconds, ownerTag } = label;
    return { kind: 'held', set: { token, connectionId, generation, lifetimeSeconds, owner: undefined, ownerTag } };
  }

  function labelIn(document: Properties): Label | undefined {
    const found = read(document);
    if (found.kind === 'held') return found.set;
    const raw = own(document, sessionKey);
    if (raw == null) return undefined;
    // A token that nobody can read can still be ended, by its label.
    return labelOn(raw) ?? readLabel(own(document, oldLabelKey));
  }

  /** Whether a token is kept in the form in which this version writes it. */
  function isAsWritten(document: Properties, raw: unknown): boolean {
    if (Object.hasOwn(document, oldLabelKey)) return false;
    if (seal === undefined) return !isSealed(raw) && ownOf(raw, 'type') === 'bearer';
    return beginsSealed(raw);
  }

  function imported(value: unknown): TokenSet | undefined {
    if (!isFields(value)) return undefined;
    const token = readConnectToken({ ...value, type: own(value, 'type') ?? 'bearer' });
    return token === undefined ? undefined : held(token, readLabel(own(value, 'connection'))).set;
  }

  function shown(set: TokenSet): ConnectToken {
    return withLabel(set.token, labelFor(set));
  }

  /** Sealed once per set: sealing again at each serialisation would look like a change to express-session. */
  function stored(set: TokenSet): unknown {
    if (seal === undefined) return shown(set);
    const known = sealedForms.get(set) ?? seal.seal(JSON.stringify(set.token), [clientId, sessionKey], labelFor(set));
    sealedForms.set(set, known);
    return known;
  }

  function write(document: Writable, set: TokenSet): void {
    Reflect.deleteProperty(document, oldLabelKey);
    document[sessionKey] = stored(set);
  }

  return Object.freeze({
    areSealed: seal !== undefined,
    read,
    isAsWritten,
    labelIn,
    imported,
    shown,
    stored,
    write,
  });
}

/** The label of a token as it is kept, sealed or not; nothing is opened. */
export function labelOn(raw: unknown): Label | undefined {
  return readLabel(readSealed(raw)?.label ?? ownOf(raw, 'connection'));
}

/** For a token that the app brought from elsewhere: its refresh token identifies the connection. */
function importedConnectionId({ tokenUrl, clientId }: SessionTokensConfig, token: ConnectToken): string {
  const secret = token.refresh_token ?? token.access_token;
  return sha256(JSON.stringify(['connect-auth imported v1', tokenUrl, clientId, secret]));
}

function ownOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? own(value, name) : undefined;
}
