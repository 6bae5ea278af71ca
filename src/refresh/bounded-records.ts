import type { LedgerRecord } from './record';

/** Records by key, at most so many, each until its time; no timer runs for them. */
export interface BoundedRecords {
  readonly get: (key: string, now: number) => LedgerRecord | undefined;
  /** Keeps it at least `retentionMs` from now: a time that was promised before is never shortened. */
  readonly put: (
    key: string,
    record: LedgerRecord,
    kept: { readonly now: number; readonly retentionMs: number },
  ) => void;
}

interface Entry {
  readonly record: LedgerRecord;
  readonly expiresAt: number;
}

/**
 * When full, the record that has not changed for the longest time goes first. Revoked ones may fill half of the place, the
 * oldest going first: each disconnect and each new sign-in leaves one for long, and they must not crowd out what keeps a
 * refresh token from being presented twice. Pending ones go last.
 */
export function boundedRecords(maxRecords: number): BoundedRecords {
  const plain = new Map<string, Entry>();
  const revoked = new Map<string, Entry>();
  const pending = new Map<string, Entry>();
  const parts = [plain, revoked, pending];
  const mostRevoked = Math.max(1, Math.floor(maxRecords / 2));

  function find(key: string, now: number): Entry | undefined {
    const entry = plain.get(key) ?? revoked.get(key) ?? pending.get(key);
    return entry !== undefined && entry.expiresAt > now ? entry : undefined;
  }

  function remove(key: string): void {
    for (const part of parts) part.delete(key);
  }

  function partOf({ state }: LedgerRecord): Map<string, Entry> {
    if (state === 'revoked') return revoked;
    return state === 'pending' ? pending : plain;
  }

  return {
    get: (key, now) => find(key, now)?.record,
    put(key, record, { now, retentionMs }) {
      const expiresAt = Math.max(now + retentionMs, find(key, now)?.expiresAt ?? 0);
      remove(key);
      for (const part of parts) dropExpired(part, now);
      const own = partOf(record);
      if (own === revoked && revoked.size >= mostRevoked) dropOldest(revoked);
      if (plain.size + revoked.size + pending.size >= maxRecords) dropOldest(...parts);
      own.set(key, { record, expiresAt });
    },
  };
}

/** Drops what has expired, from the front: a Map keeps the order of insertion, and entries have about the same time to live. */
export function dropExpired(part: Map<string, { readonly expiresAt: number }>, now: number): void {
  for (const [key, { expiresAt }] of part) {
    if (expiresAt > now) return;
    part.delete(key);
  }
}

/** Drops the entry that was put first, of the first part that has any. */
export function dropOldest(...parts: readonly Map<string, unknown>[]): void {
  for (const part of parts) {
    for (const key of part.keys()) {
      part.delete(key);
      return;
    }
  }
}

/** Names taken for less than this are those of somebody who only looks whether a name is taken. */
const BRIEFLY_MS = 1000;

/**
 * Names that are taken for a time, at most so many; the oldest are given up first. Those taken briefly have their place
 * apart and go before any other: anybody can leave thousands of them, and none must push out a claim.
 */
export function boundedNames(maxNames: number): (name: string, ttlMs: number, now: number) => boolean {
  const brief = new Map<string, { readonly expiresAt: number }>();
  const claims = new Map<string, { readonly expiresAt: number }>();
  const parts = [brief, claims];
  return (name, ttlMs, now) => {
    if (parts.some((part) => (part.get(name)?.expiresAt ?? now) > now)) return false;
    for (const part of parts) {
      part.delete(name);
      dropExpired(part, now);
    }
    if (brief.size + claims.size >= maxNames) dropOldest(...parts);
    (ttlMs < BRIEFLY_MS ? brief : claims).set(name, { expiresAt: now + ttlMs });
    return true;
  };
}
