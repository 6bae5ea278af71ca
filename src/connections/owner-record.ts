import { sha256 } from '../base/sha256';
import { isFields, own } from '../base/own';
import { ConnectError, type ConnectStage } from '../errors/connect-error';
import { ENDED_REASONS, type EndedReason } from '../errors/events';
import { labelText, readConnectToken, readLabel, type Label, type TokenSet } from '../session/connect-token';
import { readSealed, sealer, type KeyRing } from '../session/seal';
import type { Owner } from '../session/owners';

/** What a store keeps for a user: their connection, or the fact that it has ended. */
export type OwnerRecord =
  | {
      readonly kind: 'connected';
      readonly set: TokenSet;
      /** When they connected, in milliseconds since 1970. */
      readonly since: number;
    }
  | {
      readonly kind: 'ended';
      /** Id of the connection that has ended. */
      readonly connectionId: string;
      readonly reason: EndedReason;
      /** When it ended, in milliseconds since 1970. */
      readonly since: number;
    };

/** What distinguishes the records of deployments. */
export interface RecordScope {
  readonly clientId: string;
  readonly tokenUrl: string;
  readonly sessionKey: string;
}

/** Converts records to sealed text and back. */
export interface OwnerRecords {
  readonly seal: (record: OwnerRecord, owner: Owner) => string;
  /**
   * @returns the record, and whether a key other than the first one sealed it
   * @throws ConnectError `ERR_CONNECT_CONFIG` with `namespace`, `key` or `record`: a record that cannot be read still
   * exists, and must never pass for "not connected"
   */
  readonly open: (text: string, owner: Owner, stage: ConnectStage) => { record: OwnerRecord; isOldKey: boolean };
}

const NAMESPACE_CHARACTERS = 16;

/**
 * Form: `v2.<key id>.<connection id>.<generation>.<namespace>.<iv>.<sealed>` (AES-256-GCM, `session/seal`). All of it
 * is authenticated together with the user: a record copied to another user does not open. The namespace is a hash of
 * client id, token URL and `sessionKey`, so that a process with other values notices that the record is not for it.
 */
export function ownerRecords({ clientId, tokenUrl, sessionKey }: RecordScope, keys: KeyRing): OwnerRecords {
  const { seal, open } = sealer(keys, 'connection');
  const words = JSON.stringify(['connect-auth connections v1', clientId, tokenUrl, sessionKey]);
  const namespace = sha256(words).slice(0, NAMESPACE_CHARACTERS);
  const context = ({ name }: Owner): readonly string[] => [clientId, sessionKey, name];

  return Object.freeze({
    seal(record: OwnerRecord, owner: Owner): string {
      const label = `${labelText(labelFor(record))}.${namespace}`;
      return seal(JSON.stringify(contentOf(record)), context(owner), label);
    },
    open(text: string, owner: Owner, stage: ConnectStage): { record: OwnerRecord; isOldKey: boolean } {
      const { keyId, label: words } = readSealed(text) ?? {};
      const end = words?.lastIndexOf('.') ?? -1;
      const label = readLabel(words?.slice(0, end));
      if (words === undefined || label === undefined) throw unusable('record', stage);
      if (words.slice(end + 1) !== namespace) throw unusable('namespace', stage);
      const content = open(text, context(owner));
      if (content === undefined) throw unusable('key', stage);
      const record = recordOf(label, content, owner);
      if (record === undefined) throw unusable('record', stage);
      return { record, isOldKey: keyId !== keys[0].id };
    },
  });
}

/** Lifetime and owner are in the record itself. */
function labelFor(record: OwnerRecord): Label {
  const { connectionId, generation } =
    record.kind === 'ended' ? { connectionId: record.connectionId, generation: 0 } : record.set;
  return { connectionId, generation, lifetimeSeconds: undefined, ownerTag: undefined };
}

function contentOf(record: OwnerRecord): object {
  if (record.kind === 'ended') return { ended: record.reason, since: record.since };
  const { token, lifetimeSeconds } = record.set;
  return { token, lifetimeSeconds, since: record.since };
}

function recordOf({ connectionId, generation }: Label, content: string, owner: Owner): OwnerRecord | undefined {
  const fields = JSON.parse(content) as unknown;
  if (!isFields(fields)) return undefined;
  const since = own(fields, 'since');
  if (typeof since !== 'number') return undefined;
  const reason = ENDED_REASONS.find((word) => word === own(fields, 'ended'));
  if (reason !== undefined) return { kind: 'ended', connectionId, reason, since };
  const token = readConnectToken(own(fields, 'token'));
  if (token === undefined) return undefined;
  const lifetime = own(fields, 'lifetimeSeconds');
  const set: TokenSet = {
    token,
    connectionId,
    generation,
    owner: owner.name,
    ownerTag: owner.tag,
    lifetimeSeconds: typeof lifetime === 'number' ? lifetime : undefined,
  };
  return { kind: 'connected', set, since };
}

const MESSAGES = {
  namespace:
    "The connection store holds this user's record for another clientId, tokenUrl or sessionKey: give every process the " +
    'same three, and an instance with other ones its own store (prefix, table). The record is kept.',
  key:
    "No key of encryptionKeys opens this user's record: add the key that sealed it to the end of the list, and give every " +
    'process the same keys. A record copied from another user does not open either. The record is kept.',
  record:
    'The connection store returned something other than a record for this user: it must return the text unchanged.',
};

function unusable(reason: keyof typeof MESSAGES, stage: ConnectStage): ConnectError {
  return new ConnectError('ERR_CONNECT_CONFIG', { stage, reason, message: MESSAGES[reason] });
}
