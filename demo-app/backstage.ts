import type { ConnectEvent } from 'express-connect-auth';
import type { Sandbox } from 'express-connect-auth/testing';
import { Registry } from 'prom-client';
import { createJournal, type JournalLine } from './journal';
import { connectMetrics } from './metrics';

/** What the pages tell beyond the visitor's own session: of this process, or of all processes together. */
export interface Backstage {
  /** @param whose - the visitor or user that it is about; undefined: it is only counted */
  record(event: ConnectEvent, whose: string | undefined): void;
  /** Of one visitor or user, the newest first. */
  events(whose: string): Promise<readonly JournalLine[]>;
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  /** How often this refresh token has come to the provider; undefined: nobody can know. */
  presentations(refreshToken: string): Promise<number | undefined>;
}

/** Everything that happens, kept in this process. Events of others are handed in with their number. */
export interface LocalBackstage extends Backstage {
  record(event: ConnectEvent, whose: string | undefined, worker?: number): void;
}

/** @param sandbox - the provider, where it is one that counts */
export function localBackstage(sandbox: Pick<Sandbox, 'presentations'> | undefined): LocalBackstage {
  const journal = createJournal();
  const registry = new Registry();
  const count = connectMetrics(registry);
  return {
    record(event, whose, worker) {
      if (whose !== undefined) journal.add(whose, event, worker);
      count(event);
    },
    events: (whose) => Promise.resolve(journal.latest(whose)),
    metrics: () => registry.metrics(),
    presentations: (refreshToken) => Promise.resolve(sandbox?.presentations(refreshToken)),
  };
}
