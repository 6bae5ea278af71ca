import type { ConnectEvent } from 'express-connect-auth';

/** One line of the list of events: equal ones in a row are one line. */
export interface JournalLine {
  readonly event: ConnectEvent;
  readonly count: number;
  /** Number of the process that it happened in; undefined where there is only one. */
  readonly worker?: number | undefined;
}

/** The last few events of everybody, kept apart. */
export interface Journal {
  /** @param whose - the visitor or user that it is about */
  add(whose: string, event: ConnectEvent, worker?: number): void;
  /** The newest first. */
  latest(whose: string): readonly JournalLine[];
}

const LINES_KEPT = 6;
/** Whoever was quiet for longest is forgotten beyond these. */
const MOST_KEPT = 200;

/** Keeps the last {@link LINES_KEPT} lines of each. */
export function createJournal(): Journal {
  const journals = new Map<string, JournalLine[]>();
  return {
    add(whose, event, worker) {
      const lines = journals.get(whose) ?? [];
      journals.delete(whose);
      journals.set(whose, lines);
      for (const quiet of journals.keys()) if (journals.size > MOST_KEPT) journals.delete(quiet);
      const last = lines[0];
      const repeats = last !== undefined && sameLine(last, { event, count: 1, worker });
      if (repeats) lines.shift();
      lines.unshift({ event, worker, count: repeats ? last.count + 1 : 1 });
      lines.length = Math.min(lines.length, LINES_KEPT);
    },
    latest: (whose) => [...(journals.get(whose) ?? [])],
  };
}

/** Of fifty requests that take over one token, the list tells once; which process each ran in is told elsewhere. */
function sameLine(a: JournalLine, b: JournalLine): boolean {
  if (a.event.type === 'adopted' && b.event.type === 'adopted') {
    return a.event.connection === b.event.connection && a.event.generation === b.event.generation;
  }
  return a.event.type === 'error' && b.event.type === 'error' && a.worker === b.worker && a.event.code === b.event.code;
}
