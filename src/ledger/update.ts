/**
 * Replaces one record of a database: reads the text under `key`, calls `step` with it and with the time, stores the
 * text that `step` gives, if any, and resolves with its `answer`. All of that is one atomic step: nobody else may write
 * under the same key in between, in this process or another. A transaction that locks the row does that, and so does
 * compare-and-set in a loop: `step` may be run as often as needed, and the answer of its last run counts.
 *
 * An update that cannot be carried out must reject, and one that resolves must certainly have been carried out.
 */
export type UpdateRecord = (key: string, step: RecordStep) => Promise<unknown>;

/**
 * Decides what becomes of a record. Synchronous and without side effects.
 * @param record - the text as it was stored; undefined if there is none. An expired one may still be passed
 * @param nowMs - milliseconds by the clock of the database, the same clock for all processes
 */
export type RecordStep = (record: string | undefined, nowMs: number) => RecordChange;

/** The result of a step. */
export interface RecordChange {
  /** What `update` must resolve with, unchanged. Not meant to be read. */
  readonly answer: unknown;
  /** The text to store instead: ASCII, as long as tokens may be. Undefined: leave everything as it is. */
  readonly record: string | undefined;
  /**
   * Milliseconds from `nowMs` for which the text must be kept; 0 without one. After that it may be deleted, at any time
   * or never: the text itself says when it expires.
   */
  readonly keepMs: number;
  /**
   * What the text holds, for a store of limited size that must choose what to forget first; undefined without one.
   * `record`: the newest token set of a connection, or how its refreshes have failed; `refresh`: the same, while it is
   * being refreshed; `tombstone`: that a connection has ended; `claim`: a name of `once`.
   */
  readonly what: 'record' | 'refresh' | 'tombstone' | 'claim' | undefined;
}
