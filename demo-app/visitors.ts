import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { NextFunction, Request, Response } from 'express';
import type { ConnectEvent } from 'express-connect-auth';
import { userOf } from './users';

declare module 'express-session' {
  interface SessionData {
    /** Tells this browser's events from those of others. */
    demoVisitor?: string;
  }
}

const current = new AsyncLocalStorage<string | undefined>();

/**
 * Keeps whose request this is, for the events that come of it: not all of them name a connection or a user. A visitor gets
 * their name when they start a sign-in, which makes a session anyway, and keeps it in the session that follows.
 */
export function followVisitor(req: Request, _res: Response, next: NextFunction): void {
  if (req.path.endsWith('/connect/authorize')) req.session.demoVisitor ??= randomBytes(8).toString('hex');
  current.run(req.session.demoVisitor, next);
}

/** Whose event this is; undefined: nobody's. To be asked while the event is being reported. */
export function whoseEvent(event: ConnectEvent): string | undefined {
  return event.owner === undefined ? visitorKey(current.getStore()) : userKey(event.owner);
}

/** Whose events the page of this request shows: those of the user, or of this browser while nobody is signed in. */
export function whoseEvents(req: Request): string | undefined {
  const user = userOf(req);
  return user === undefined ? visitorKey(req.session.demoVisitor) : userKey(user.id);
}

function userKey(id: string): string {
  return `user ${id}`;
}

function visitorKey(visitor: string | undefined): string | undefined {
  return visitor === undefined ? undefined : `visitor ${visitor}`;
}
