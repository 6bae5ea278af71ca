/**
 * Replaces one record of a database: reads the text under `key`, calls `step` with it and with the time, stores the text
 * that `step` gives, if any, and resolves with its `answer`. All of that is one atomic step: nobody else may write under the
 * same key in between, in this process or another. A transaction that locks the row does that, and so does comparing and
 * setting again and again: `step` may be run as often as it takes, and the answer of its last run counts.
 *
 * What cannot be carried out rejects. Whether it was carried out must be known when it resolves.
 */
export type UpdateRecord = (key: string, step: RecordStep) => Promise<unknown>;

/**
 * Decides what becomes of a record. Synchronous, and without any effect of its own.
 * @param record - the text as it was stored; undefined when there is none. One that is past its time may still be given
 * @param nowMs - milliseconds by the clock of the database, the same clock for all processes
 */
export type RecordStep = (record: string | undefined, nowMs: number) => RecordChange;

/** What a step has come to. */
export interface RecordChange {
  /** What `update` resolves with, as it is. Not meant to be read. */
  readonly answer: unknown;
  /** The text to store instead: ASCII, of any length that tokens may have. Undefined: leave everything as it is. */
  readonly record: string | undefined;
  /**
   * Milliseconds from `nowMs` for which the text must be kept; 0 without one. From then on it may be deleted, at any time or
   * never: the text itself says when it ends.
   */
  readonly keepMs: number;
  /**
   * What the text holds, for a store of limited size that must choose what to forget first; undefined without one. `record`:
   * the newest token set of a connection, or how its refreshes have failed; `refresh`: besides, that it is being refreshed;
   * `tombstone`: that a connection has ended; `claim`: a name of `once`.
   */
  readonly what: 'record' | 'refresh' | 'tombstone' | 'claim' | undefined;
}
