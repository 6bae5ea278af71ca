import { randomText } from '../base/random-text';
import { sha256 } from '../base/sha256';
import type { ConnectEventListener } from '../errors/events';
import { asking } from './ask';
import type { RefreshLedger } from '../ledger/ledger';
import { BRIEFLY_MS } from '../ledger/retention';

/** What processes let each other know about sessions that have moved to another id. */
export interface MovedMarks {
  /**
   * To be called when the old document is gone, before it is destroyed once more. Never fails: if the ledger fails,
   * that is reported as an event.
   * @returns false if it was marked before
   */
  readonly markMoved: (sessionId: string) => Promise<boolean>;
  /** Whether another process has moved this session; false also if that cannot be known. */
  readonly hasMoved: (sessionId: string) => Promise<boolean>;
}

/** What marking moved sessions needs. */
export interface MovedMarksConfig {
  /** Undefined: there is no other process. */
  readonly ledger: RefreshLedger | undefined;
  readonly onEvent?: ConnectEventListener | undefined;
}

/** Longer than reading and writing a session may take (`storeTimeoutMs` each, 60 s at most). */
const MARKED_MS = 180_000;
/** A question leaves an empty record, for the shortest possible time. */
const LOOK_MS = 1;

/**
 * Marks moved sessions in the ledger, as connections that have ended, under their own keys: a process that read a
 * session before the move and wrote it afterwards finds the mark and removes its document again. The session store
 * cannot show this: there the old document simply exists again. A mark cannot be removed, so only a move that has
 * succeeded is marked.
 */
export function movedMarks({ ledger, onEvent }: MovedMarksConfig): MovedMarks {
  if (ledger === undefined) {
    return Object.freeze({ markMoved: () => Promise.resolve(true), hasMoved: () => Promise.resolve(false) });
  }
  const ask = asking(onEvent);
  const claimant = randomText(16);
  const claim = { generation: 0, claimant, leaseMs: LOOK_MS, minAgeMs: 0, retentionMs: BRIEFLY_MS };

  return Object.freeze({
    async markMoved(sessionId: string): Promise<boolean> {
      const key = keyOf(sessionId);
      const revoked = await ask('revoke', { connectionId: key, owner: undefined }, () => ledger.revoke(key, MARKED_MS));
      return revoked?.first !== false;
    },
    async hasMoved(sessionId: string): Promise<boolean> {
      const key = keyOf(sessionId);
      const found = await ask('acquire', { connectionId: key, owner: undefined }, () => ledger.acquire(key, claim));
      return found?.kind === 'revoked';
    },
  });
}

function keyOf(sessionId: string): string {
  return `moved:${sha256(JSON.stringify(['connect-auth moved v1', sessionId]))}`;
}
