import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** One key of a key ring. */
export interface EncryptionKey {
  /** Public name of the key, stored with everything it has sealed: 1–32 letters, digits, `-` and `_`. */
  readonly id: string;
  /** At least 32 characters of high entropy: 32 random bytes as base64, for example. */
  readonly secret: string;
}

/** Keys of one deployment: the first seals, all open. */
export type KeyRing = readonly [EncryptionKey, ...EncryptionKey[]];

const MOST_KEYS = 10;
const KEY_ID = /^[A-Za-z0-9_-]{1,32}$/u;
const SHORTEST_SECRET = 32;

/** What a key ring must be, for messages. */
export const KEY_RING_HINT =
  'a list of 1–10 keys { id, secret }, with distinct ids of 1–32 letters, digits, - and _, and secrets of at least ' +
  '32 characters';

/**
 * Copies a key ring, frozen.
 * @returns undefined unless it is a list of 1–10 complete keys with distinct ids and no other members
 */
export function readKeyRing(value: unknown): KeyRing | undefined {
  if (!Array.isArray(value) || value.length < 1 || value.length > MOST_KEYS) return undefined;
  // Copied before they are looked at: a member may be a getter.
  const keys: readonly unknown[] = Object.freeze(Array.from(value, copied));
  if (!keys.every(isKey)) return undefined;
  const distinct = new Set(keys.map(({ id }) => id)).size === keys.length;
  return distinct ? (keys as KeyRing) : undefined;
}

function copied(key: unknown): unknown {
  if (typeof key !== 'object' || key === null) return undefined;
  const { id, secret, ...others } = key as Readonly<Record<string, unknown>>;
  return Object.freeze({ id, secret, ...others });
}

function isKey(value: unknown): value is EncryptionKey {
  if (typeof value !== 'object' || value === null) return false;
  const { id, secret, ...others } = value as Readonly<Record<string, unknown>>;
  return (
    Object.keys(others).length === 0 &&
    typeof id === 'string' &&
    KEY_ID.test(id) &&
    typeof secret === 'string' &&
    secret.length >= SHORTEST_SECRET
  );
}

/** What is sealed; each purpose has its own subkeys. */
export type SealPurpose = 'session' | 'ledger' | 'connection';

/** Seals text with the first key of a ring and opens it with any of them. */
export interface Sealer {
  /**
   * @param context - what the text belongs to; it opens only with the same words
   * @param label - stored beside the sealed text, readable by everybody, and authenticated: letters, digits, `-`, `_`
   * and `.`
   */
  readonly seal: (text: string, context: readonly string[], label?: string) => string;
  /** @returns undefined when no key of the ring opens it, or it was moved or changed */
  readonly open: (text: string, context: readonly string[]) => string | undefined;
}

/** What anybody can read of a sealed text. */
export interface Sealed {
  readonly keyId: string;
  /** Only version 2 has one. */
  readonly label: string | undefined;
  readonly iv: string;
  /** Ciphertext and tag. */
  readonly sealed: string;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;
const VERSION_1 = /^v1\.([A-Za-z0-9_-]{1,32})()\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/u;
// Key id, IV and sealed text contain no dots: between the first two and the last two parts, everything is the label.
const VERSION_2 = /^v2\.([A-Za-z0-9_-]{1,32})\.([A-Za-z0-9_.-]{1,600})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/u;

/** Takes a sealed text apart, whichever key it needs. @returns undefined unless it looks like one; no token does */
export function readSealed(value: unknown): Sealed | undefined {
  if (typeof value !== 'string') return undefined;
  const [, keyId, label = '', iv = '', sealed = ''] = VERSION_1.exec(value) ?? VERSION_2.exec(value) ?? [];
  return keyId === undefined ? undefined : { keyId, label: label === '' ? undefined : label, iv, sealed };
}

/** Whether a text begins like one that this version seals; whether it is one shows when it is opened. */
export function beginsSealed(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('v2.');
}

/** Whether a value looks like a sealed text of this package. */
export function isSealed(value: unknown): value is string {
  return readSealed(value) !== undefined;
}

/**
 * AES-256-GCM (NIST SP 800-38D) with a 96-bit random IV, under subkeys that HKDF-SHA-256 (RFC 5869) derives per
 * purpose. Form: `v1.<key id>.<iv>.<ciphertext and tag>`, or with a label
 * `v2.<key id>.<label>.<iv>.<ciphertext and tag>`; all but the label is base64url. Purpose, key id, label and context are
 * authenticated.
 */
export function sealer(keys: KeyRing, purpose: SealPurpose): Sealer {
  const subkeys = new Map(keys.map(({ id, secret }) => [id, subkey(secret, purpose)]));
  const { id: first, secret: firstSecret } = keys[0];
  const firstKey = subkey(firstSecret, purpose);

  return Object.freeze({
    seal(text: string, context: readonly string[], label?: string): string {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', firstKey, iv).setAAD(associated(first, label, context));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      const head = label === undefined ? `v1.${first}` : `v2.${first}.${label}`;
      return `${head}.${iv.toString('base64url')}.${sealed.toString('base64url')}`;
    },
    open(text: string, context: readonly string[]): string | undefined {
      const { keyId = '', label, iv = '', sealed = '' } = readSealed(text) ?? {};
      const key = subkeys.get(keyId);
      if (key === undefined) return undefined;
      const bytes = Buffer.from(sealed, 'base64url');
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(iv, 'base64url'), {
          authTagLength: TAG_BYTES,
        });
        decipher.setAAD(associated(keyId, label, context)).setAuthTag(bytes.subarray(-TAG_BYTES));
        return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
      } catch {
        // Moved, changed, or sealed with another secret under the same id.
        return undefined;
      }
    },
  });

  function associated(id: string, label: string | undefined, context: readonly string[]): Buffer {
    const head =
      label === undefined ? ['connect-auth seal v1', purpose, id] : ['connect-auth seal v2', purpose, id, label];
    return Buffer.from(JSON.stringify([...head, ...context]));
  }
}

function subkey(secret: string, purpose: SealPurpose): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'connect-auth', `connect-auth ${purpose} v1`, 32));
}
