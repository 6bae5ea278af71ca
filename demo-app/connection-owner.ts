import type { Request } from 'express';
import type { ConnectAuth } from 'express-connect-auth';
import { userOf, type DemoUser } from './users';

/** The user that a connection belongs to. */
export interface ConnectionOwner {
  readonly user: DemoUser;
  /** When they connected. */
  readonly since: Date;
}

/** What is recorded of whoever makes a request; undefined: nobody is logged in, or they are not connected. */
export async function connectionOwner(
  req: Request,
  connect: Pick<ConnectAuth, 'of'>,
): Promise<ConnectionOwner | undefined> {
  const user = userOf(req);
  if (user === undefined) return undefined;
  const status = await connect.of(user.id).status();
  return status.connected ? { user, since: status.since } : undefined;
}

/**
 * Whether whoever makes a request has a connection. Of a user it is asked what is recorded: their session may not have it
 * yet, and for up to a minute it does not know that another device has disconnected.
 */
export async function hasConnection(req: Request, connect: Pick<ConnectAuth, 'of'>): Promise<boolean> {
  if (userOf(req) === undefined) return req.session.connectToken !== undefined;
  return (await connectionOwner(req, connect)) !== undefined;
}
