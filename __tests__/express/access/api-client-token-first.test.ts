import { apiClients, type ConnectClient } from '../../../src/access/api-client';
import { ConnectError } from '../../../src';
import type { ConnectToken } from '../../../src/session/connect-token';
import { apiWorld, ok, type ApiWorld } from '../../support/api-world';

/** Whoever has no token costs no memory: a body is not read before there is something to sign the call with. */

const MIB = 1024 * 1024;

describe('while the token is awaited', () => {
  let world: ApiWorld;
  let give: (token: ConnectToken) => void;
  let deny: (error: Error) => void;
  let client: ConnectClient;
  beforeEach(async () => {
    world = await apiWorld((socket) => socket.write(ok()));
    const token = new Promise<ConnectToken>((resolve, reject) => {
      give = resolve;
      deny = reject;
    });
    // Whether or not a call waits for it.
    token.catch(() => undefined);
    const config = { apiBaseUrl: world.base, timeoutMs: 3000, maxApiAnswerBytes: MIB, statusByApiCode: {} };
    client = apiClients(config)(() => token);
  });

  const TOKEN: ConnectToken = { access_token: 'CANARY-access', type: 'bearer' };
  const denied = (): ConnectError => new ConnectError('ERR_CONNECT_REQUIRED');
  const soon = (): Promise<void> => new Promise(setImmediate);

  /** Bodies that tell whether they have been read. */
  const BODIES: readonly (readonly [string, (onRead: () => void) => unknown])[] = [
    [
      'a Blob',
      (onRead) => {
        const blob = new Blob(['bytes']);
        const read = blob.arrayBuffer.bind(blob);
        return Object.assign(blob, {
          arrayBuffer: () => {
            onRead();
            return read();
          },
        });
      },
    ],
  ];

  test.each(BODIES)('%s is not read; then it is sent whole', async (_what, make) => {
    let reads = 0;
    const call = client.post(
      '/me',
      make(() => (reads += 1)),
    );
    for (let turn = 0; turn < 5; turn += 1) await soon();
    expect(reads).toBe(0);
    give(TOKEN);
    await call;
    expect({ reads, bodies: world.server.requests.map(({ body }) => body) }).toEqual({ reads: 1, bodies: ['bytes'] });
  });

  test.each(BODIES)('%s is not read when there is no token', async (_what, make) => {
    let reads = 0;
    const call = client
      .post(
        '/me',
        make(() => (reads += 1)),
      )
      .catch((error: unknown) => error);
    deny(denied());
    expect(await call).toMatchObject({ code: 'ERR_CONNECT_REQUIRED', status: 401 });
    await soon();
    expect({ reads, requests: world.server.requests.length }).toEqual({ reads: 0, requests: 0 });
  });
});
