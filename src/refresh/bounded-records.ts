import type { LedgerRecord } from './record';

/** Records by key, at most so many, each until its time; no timer runs for them. */
export interface BoundedRecords {
  readonly get: (key: string, now: number) => LedgerRecord | undefined;
  /** Keeps it at least `retentionMs` from now: a time that was promised before is never shortened. */
  readonly put: (key: string, record: LedgerRecord, kept: { readonly now: number; readonly retentionMs: number }) => void;
}

interface Entry {
  readonly record: LedgerRecord;
  readonly expiresAt: number;
}

/**
 * When full, the record that has not changed for the longest time goes first. Pending and revoked ones go last: without
 * them a refresh token could be presented twice, or a connection come back that its owner has ended.
 */
export function boundedRecords(maxRecords: number): BoundedRecords {
  const plain = new Map<string, Entry>();
  const guarded = new Map<string, Entry>();

  function find(key: string, now: number): Entry | undefined {
    const entry = plain.get(key) ?? guarded.get(key);
    return entry !== undefined && entry.expiresAt > now ? entry : undefined;
  }

  function remove(key: string): void {
    plain.delete(key);
    guarded.delete(key);
  }

  return {
    get: (key, now) => find(key, now)?.record,
    put(key, record, { now, retentionMs }) {
      const expiresAt = Math.max(now + retentionMs, find(key, now)?.expiresAt ?? 0);
      remove(key);
      dropExpired(plain, now);
      dropExpired(guarded, now);
      if (plain.size + guarded.size >= maxRecords) dropOldest(plain.size > 0 ? plain : guarded);
      const part = record.state === 'pending' || record.state === 'revoked' ? guarded : plain;
      part.set(key, { record, expiresAt });
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

/** Drops the entry that was put first. */
export function dropOldest(part: Map<string, unknown>): void {
  for (const key of part.keys()) {
    part.delete(key);
    return;
  }
}

/** Names that are taken for a time, at most so many; the oldest are given up first. */
export function boundedNames(maxNames: number): (name: string, ttlMs: number, now: number) => boolean {
  const taken = new Map<string, { readonly expiresAt: number }>();
  return (name, ttlMs, now) => {
    if ((taken.get(name)?.expiresAt ?? now) > now) return false;
    taken.delete(name);
    dropExpired(taken, now);
    if (taken.size >= maxNames) dropOldest(taken);
    taken.set(name, { expiresAt: now + ttlMs });
    return true;
  };
}
