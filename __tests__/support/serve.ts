import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cleanup } from './cleanup';

/** An HTTP server of a test. */
export interface Served {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** Ends its connections, too. */
  readonly close: () => Promise<void>;
}

/** Listens on a free loopback port; the server is closed with the test or the file that starts it. */
export async function serve(server: Server, host = '127.0.0.1'): Promise<Served> {
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  cleanup(close);
  // A visitor's connection that is idle while this machine is busy must not end under their next request.
  server.keepAliveTimeout = 0;
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, close };
}
