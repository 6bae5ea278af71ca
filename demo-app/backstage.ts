import type { ConnectEvent } from 'express-connect-auth';
import type { Sandbox } from 'express-connect-auth/testing';
import { Registry } from 'prom-client';
import { createJournal, type JournalLine } from './journal';
import { connectMetrics } from './metrics';

/** What the pages tell beyond the visitor's own session: of this process, or of all processes together. */
export interface Backstage {
  record(event: ConnectEvent): void;
  /** The newest first. */
  events(): Promise<readonly JournalLine[]>;
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  /** How often this refresh token has come to the provider; undefined: nobody can know. */
  presentations(refreshToken: string): Promise<number | undefined>;
}

/** Everything that happens, kept in this process. Events of others are handed in with their number. */
export interface LocalBackstage extends Backstage {
  record(event: ConnectEvent, worker?: number): void;
}

/** @param sandbox - the provider, where it is one that counts */
export function localBackstage(sandbox: Pick<Sandbox, 'presentations'> | undefined): LocalBackstage {
  const journal = createJournal();
  const registry = new Registry();
  const count = connectMetrics(registry);
  return {
    record(event, worker) {
      journal.add(event, worker);
      count(event);
    },
    events: () => Promise.resolve(journal.latest()),
    metrics: () => registry.metrics(),
    presentations: (refreshToken) => Promise.resolve(sandbox?.presentations(refreshToken)),
  };
}
