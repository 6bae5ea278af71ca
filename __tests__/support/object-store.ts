import { Store, type SessionData } from 'express-session';

/** A store that keeps objects, not JSON. */
export class ObjectStore extends Store {
  readonly kept = new Map<string, object>();
  // Private, so that who prints a session does not print what its store once held.
  readonly #history: string[] = [];
  /**
   * @param form - what it keeps of a session
   * @param touchesWhole - whether touch() writes the whole session
   */
  constructor(
    private readonly form: (session: SessionData) => object = (session) => session,
    private readonly touchesWhole = true,
  ) {
    super();
  }
  /** What was ever kept, as {@link valuesIn} reads it. */
  get history(): readonly string[] {
    return this.#history;
  }
  override get(id: string, done: (error: unknown, session?: SessionData | null) => void): void {
    const found = this.kept.get(id);
    setImmediate(() => done(null, found === undefined ? null : ({ ...found } as SessionData)));
  }
  override set(id: string, session: SessionData, done?: (error?: unknown) => void): void {
    this.keep(id, session);
    setImmediate(() => done?.());
  }
  override touch(id: string, session: SessionData, done?: () => void): void {
    if (this.touchesWhole && this.kept.has(id)) this.keep(id, session);
    setImmediate(() => done?.());
  }
  override destroy(id: string, done?: (error?: unknown) => void): void {
    this.kept.delete(id);
    setImmediate(() => done?.());
  }
  override all(done: (error: unknown, all?: Record<string, SessionData>) => void): void {
    setImmediate(() => done(null, Object.fromEntries(this.kept) as Record<string, SessionData>));
  }
  private keep(id: string, session: SessionData): void {
    const form = this.form(session);
    this.kept.set(id, form);
    this.#history.push(valuesIn(form));
  }
}

/** All values that can be read in an object, by whatever name: no toJSON of anybody hides one. */
export function valuesIn(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.values(value).map(valuesIn).join('\n');
}
