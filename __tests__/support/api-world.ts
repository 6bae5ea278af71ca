import { apiClients, type ApiClientConfig, type ConnectClient } from '../../src/access/api-client';
import { http11, startServer, type LocalServer, type Responder } from './local-server';

/** An API below HTTP, and clients that call it with tokens that this file hands out. */
export interface ApiWorld {
  readonly server: LocalServer;
  readonly base: string;
  /** What `getToken` was asked: undefined, or the token said to be refused. */
  readonly asked: (string | undefined)[];
  /** The tokens to give, first the first; the last one for ever. */
  tokens: string[];
  /** A client for a request of its own. */
  client(): ConnectClient;
  clientWith(changes: Partial<ApiClientConfig>): ConnectClient;
  /** The Authorization headers that have arrived. */
  bearers(): (string | undefined)[];
}

export const ok = (data: unknown = { id: 1 }): Buffer =>
  http11(JSON.stringify({ success: true, data }), '200 OK', 'Content-Type: application/json');

export const json = (status: string, body: unknown, ...headers: readonly string[]): Buffer =>
  http11(JSON.stringify(body), status, 'Content-Type: application/json', ...headers);

/** Its server is closed with the test or the file that starts it. */
export async function apiWorld(respond: Responder): Promise<ApiWorld> {
  const server = await startServer(respond);
  const base = `http://127.0.0.1:${server.port}/api/v2`;
  const asked: (string | undefined)[] = [];
  const clientWith = (changes: Partial<ApiClientConfig>): ConnectClient =>
    apiClients({ apiBaseUrl: base, timeoutMs: 3000, maxApiAnswerBytes: 1_048_576, statusByApiCode: {}, ...changes })(
      (refused) => {
        asked.push(refused);
        const access_token = world.tokens.length > 1 && refused !== undefined ? world.tokens[1] : world.tokens[0];
        return Promise.resolve({ access_token: access_token ?? '', type: 'bearer' });
      },
    );
  const world: ApiWorld = {
    server,
    base,
    asked,
    tokens: ['CANARY-access-1'],
    client: () => clientWith({}),
    clientWith,
    bearers: () => server.requests.map(({ headers }) => headers.authorization),
  };
  return world;
}
