import type { ConnectEvent } from 'express-connect-auth';
import type { JournalLine } from './journal';

/** What a worker has to know before it can begin. */
export interface WorkerSettings {
  /** From 1 on; the one that takes the place of a dead one takes over its number. */
  readonly number: number;
  readonly of: number;
  readonly port: number;
  readonly redisUrl: string;
  /** Process id of a Redis that was started for this demo alone, and must not outlive it. */
  readonly redisPid: number | undefined;
  readonly sessionSecret: string;
  /** Names this run of the demo, in a few letters and digits. */
  readonly run: string;
  /** Seals the tokens in Redis: those of the ledger, of the sessions and of the users. */
  readonly tokenSecret: string;
  readonly connectOptions: {
    readonly clientId: string;
    readonly clientSecret: string;
    readonly authorizeUrl: string;
    readonly tokenUrl: string;
    readonly apiBaseUrl: string;
  };
}

/** What a worker asks the primary, with the answer to each. */
export interface Answers {
  readonly settings: WorkerSettings;
  readonly events: readonly JournalLine[];
  readonly metrics: string;
  readonly presentations: number;
  /** Process id of the worker with a number; null: there is none, or no other that listens. */
  readonly pid: number | null;
  /** Whether the process with an id is gone, which is waited for, and for the one in its place. */
  readonly ended: boolean;
}

/** From a worker to the primary. */
export type WorkerMessage =
  | { readonly kind: 'ask'; readonly id: number; readonly what: keyof Answers; readonly about?: string | undefined }
  | { readonly kind: 'event'; readonly event: ConnectEvent; readonly whose: string | undefined }
  | { readonly kind: 'kill'; readonly pid: number }
  | { readonly kind: 'fault'; readonly message: string };

/** From the primary to a worker. */
export interface PrimaryMessage {
  readonly id: number;
  readonly answer: Answers[keyof Answers];
}
