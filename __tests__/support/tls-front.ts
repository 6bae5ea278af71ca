import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import type { Sandbox } from '../../src/testing';
import { cleanup } from './cleanup';
import { TEST_CERT, TEST_KEY } from './local-server';

/** A sandbox behind TLS, as the provider is. */
export interface TlsFront {
  readonly port: number;
  /** Where the token endpoint and the API are behind TLS. */
  readonly options: Pick<Sandbox['connectOptions'], 'tokenUrl' | 'apiBaseUrl'>;
}

/** Puts TLS with the test certificate, for the name localhost, before a sandbox; it is closed with the test or the file that starts it. */
export async function startTlsFront(sandbox: Sandbox): Promise<TlsFront> {
  const front = tls.createServer({ key: TEST_KEY, cert: TEST_CERT }, (socket) => {
    const behind = net.connect(Number(new URL(sandbox.url).port), '127.0.0.1');
    for (const end of [socket, behind]) end.on('error', () => undefined);
    socket.pipe(behind).pipe(socket);
  });
  front.on('tlsClientError', () => undefined);
  cleanup(() => void front.close());
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const { port } = front.address() as net.AddressInfo;
  const secure = (url: string): string => url.replace(sandbox.url, `https://localhost:${port}`);
  const { tokenUrl, apiBaseUrl } = sandbox.connectOptions;
  return { port, options: { tokenUrl: secure(tokenUrl), apiBaseUrl: secure(apiBaseUrl) } };
}
