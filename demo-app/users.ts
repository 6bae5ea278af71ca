import type { Request } from 'express';

declare module 'express-session' {
  interface SessionData {
    /** Id of the user who is signed in. */
    demoUser?: string;
  }
}

/** Somebody who can sign in to the demo, without a password. */
export interface DemoUser {
  /** What the library knows them by. */
  readonly id: string;
  readonly name: string;
}

/** Everybody who can. */
export const USERS: readonly DemoUser[] = [
  { id: 'ada', name: 'Ada' },
  { id: 'grace', name: 'Grace' },
];

/** @returns undefined when there is no such user */
export function userById(id: unknown): DemoUser | undefined {
  return USERS.find((user) => user.id === id);
}

/** Whoever is signed in in the session of a request; undefined: nobody. */
export function userOf(req: Request): DemoUser | undefined {
  return userById(req.session.demoUser);
}
