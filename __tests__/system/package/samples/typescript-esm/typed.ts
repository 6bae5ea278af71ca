// Nothing here imports express-session: the type of the session comes with express-connect-auth.
import type { Request, Response } from 'express';
import { connectAuth, isConnectError, type ConnectAuthOptions, type ConnectEvent } from 'express-connect-auth';
import { startSandbox } from 'express-connect-auth/testing';

export function tokenType(req: Request): string | undefined {
  return req.session.connectToken?.type;
}

export function wrongUses(req: Request, res: Response, options: ConnectAuthOptions): void {
  // @ts-expect-error a token set is no string
  const text: string = req.session.connectToken;
  // @ts-expect-error before a sign-in there is no token
  res.json(text, req.session.connectToken.access_token);
  // @ts-expect-error the expiry is a number of seconds
  const date: Date | undefined = req.session.connectToken?.expires_at;
  // @ts-expect-error no such option
  connectAuth({ ...options, clientID: String(date) });
  // @ts-expect-error two options are missing
  connectAuth({ clientId: 'id' });
}

export function report(value: ConnectEvent | Error): string {
  if (isConnectError(value)) return `${value.code} ${value.status}`;
  return 'type' in value && value.type === 'connected' ? value.connection : '';
}

export async function provider(): Promise<string> {
  const sandbox = await startSandbox();
  // @ts-expect-error counters are read only
  sandbox.calls = {};
  const { clientId }: { clientId: string } = sandbox.connectOptions;
  return clientId;
}
