import { MemoryStore, type SessionData } from 'express-session';
import { latch, type Latch } from './refreshing';

/** Sessions as JSON, by id. */
export type Documents = Record<string, string>;

/** A store on documents that other stores share, as processes share a Redis; its next operation of a kind can be held. */
export class HeldStore extends MemoryStore {
  private readonly held = new Map<'get' | 'set', Latch>();
  constructor(documents: Documents = Object.create(null) as Documents) {
    super();
    Object.assign(this, { sessions: documents });
  }
  /** The session that it fails to destroy. */
  kept: string | undefined;
  get documents(): Documents {
    return (this as unknown as { sessions: Documents }).sessions;
  }
  /** Holds the answer of the next read, or the next write before it is done. */
  hold(operation: 'get' | 'set'): Latch {
    const gate = latch();
    this.held.set(operation, gate);
    return gate;
  }
  private gate(operation: 'get' | 'set'): Latch | undefined {
    const gate = this.held.get(operation);
    this.held.delete(operation);
    return gate;
  }
  override get(id: string, done: (error: unknown, session?: SessionData | null) => void): void {
    const gate = this.gate('get');
    if (gate === undefined) super.get(id, done);
    else super.get(id, (...found) => void gate.wait().then(() => done(...found)));
  }
  override destroy(id: string, done?: (error?: unknown) => void): void {
    if (id === this.kept) setImmediate(() => done?.(new Error('failed')));
    else super.destroy(id, done);
  }
  override set(id: string, session: SessionData, done?: (error?: unknown) => void): void {
    const gate = this.gate('set');
    if (gate === undefined) super.set(id, session, done);
    else {
      const text = JSON.stringify(session);
      void gate.wait().then(() => super.set(id, JSON.parse(text) as SessionData, done));
    }
  }
}
