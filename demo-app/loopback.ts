import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A port of this machine to listen on, on every address that `localhost` may mean. */
export interface OpenPort {
  readonly port: number;
  serve(listener: RequestListener): void;
  close(): void;
}

/**
 * Opens a port on 127.0.0.1 and ::1. Both must be free: a browser tries ::1 first, and would find another program there.
 * @param port - 0 takes any free one
 * @returns nothing when the port is taken
 */
export async function openPort(port: number): Promise<OpenPort | undefined> {
  const first = await listen('127.0.0.1', port);
  if (typeof first === 'string') return undefined;
  const taken = (first.address() as AddressInfo).port;
  const second = await listen('::1', taken);
  if (second === 'taken') {
    first.close();
    return undefined;
  }
  const servers = typeof second === 'string' ? [first] : [first, second];
  return {
    port: taken,
    serve: (listener) => servers.forEach((server) => server.on('request', listener)),
    close: () =>
      servers.forEach((server) => {
        server.close();
        server.closeAllConnections();
      }),
  };
}

/** @returns the server, or why there is none: the port is taken, or this machine has no such address */
function listen(host: string, port: number): Promise<Server | 'taken' | 'absent'> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve('taken');
      else if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT') resolve('absent');
      else reject(error);
    });
    server.listen(port, host, () => resolve(server));
  });
}
