import type { SessionData } from 'express-session';
import type { TestApp } from './app';

/** One session document of the store. */
export type Document = Record<string, unknown>;

/** A started sign-in as the session keeps it. */
export interface StoredAttempt {
  h: string;
  at: number;
  r?: string;
  v?: string;
}

/** The sign-ins of a session: in progress, and spent. */
export interface StoredAttempts {
  p: StoredAttempt[];
  s: StoredAttempt[];
}

/** The only session document of the store. */
export async function onlySession(app: TestApp): Promise<Document> {
  const all = Object.values(await app.sessions());
  if (all.length !== 1 || all[0] === undefined) throw new Error(`There are ${all.length} sessions.`);
  return all[0];
}

/** The sign-ins of the only session. */
export async function attemptsOf(app: TestApp, key = 'connectPending'): Promise<StoredAttempts> {
  return (await onlySession(app))[key] as StoredAttempts;
}

/** Changes every session document in the store, as time or another process would. */
export async function editSessions(app: TestApp, edit: (document: Document) => void): Promise<void> {
  for (const [id, document] of Object.entries(await app.sessions())) {
    edit(document);
    await new Promise<void>((resolve, reject) => {
      app.store.set(id, document as unknown as SessionData, (error: unknown) => {
        if (error == null) resolve();
        else reject(new Error('the store failed'));
      });
    });
  }
}

/** Empties the store. */
export function clearSessions(app: TestApp): Promise<void> {
  return new Promise((resolve) => app.store.clear?.(() => resolve()));
}

/** How many tokens the store holds anywhere, whatever the property is called. */
export async function tokensIn(app: TestApp): Promise<number> {
  return JSON.stringify(await app.sessions()).split('"access_token"').length - 1;
}
