// What apps export with `declaration: true`: each inferred type must have a name that the app itself can import.
import type { Request } from 'express';
import { connectAuth, connectErrorHandler, connectOptionsFromEnv, memoryLedger } from 'express-connect-auth';
import { startSandbox } from 'express-connect-auth/testing';

export const connect = connectAuth(connectOptionsFromEnv());
export const clientOf = (req: Request) => connect.client(req);
export const me = (req: Request) => connect.client(req).get<{ name: string }>('/me');
export const untyped = (req: Request) => connect.client(req)('/me');
export const renamed = (req: Request) =>
  connect.client(req).request({ url: '/me', method: 'PATCH', data: { name: 'x' } });
export const upload = async (req: Request) => {
  const answer = await connect.client(req).postForm('/files', { file: new Blob(['x']) });
  return answer;
};
export const { get, post } = connect.client({} as Request);
export const guard = () => connect.requireConnect();
export const guards = { page: connect.requireConnect(), api: connect.requireConnect({ onMissing: 'error' }) };
export const tokenOf = (req: Request) => connect.getToken(req);
export const { authorize, callback, disconnect, client, getToken } = connect;
export const errors = connectErrorHandler();
export const ledger = () => memoryLedger();
export const sandbox = () => startSandbox();
export const sessionToken = (req: Request) => req.session.connectToken;
