import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { cleanup } from './cleanup';

/** A way to a service that goes wrong on command. */
export interface TcpProxy {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Bytes of requests that came in. */
  readonly bytesIn: () => number;
  /** Times that a request, or several at once, went on to the service: round trips, if the client waits for each. */
  readonly requests: () => number;
  /** Hands each answer on this many milliseconds late. */
  readonly delay: (ms: number) => void;
  /** Cuts every connection and accepts none. */
  readonly refuse: () => void;
  /** Carries requests out, but loses their answers. */
  readonly dropAnswers: () => void;
  /** Loses requests: the service never sees them, the client gets no answer. */
  readonly dropRequests: () => void;
  readonly heal: () => void;
  readonly close: () => Promise<void>;
}

/** Puts itself between a client and a service; it ends with the test or the file that starts it. */
export async function startTcpProxy(target: net.NetConnectOpts): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let mode: 'sound' | 'refuse' | 'drop answers' | 'drop requests' = 'sound';
  let delayMs = 0;
  let bytesIn = 0;
  let requests = 0;

  const server = net
    .createServer((client) => {
      if (mode === 'refuse') return void client.destroy();
      const upstream = net.connect(target);
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(socket);
        socket
          .setNoDelay(true)
          .on('error', () => undefined)
          .on('close', () => {
            sockets.delete(socket);
            other.destroy();
          });
      }
      client.on('data', (chunk: Buffer) => {
        bytesIn += chunk.byteLength;
        if (mode === 'drop requests') return;
        requests += 1;
        upstream.write(chunk);
      });
      upstream.on('data', (chunk: Buffer) => {
        if (mode === 'drop answers') return;
        if (delayMs === 0) client.write(chunk);
        else setTimeout(() => client.write(chunk), delayMs).unref();
      });
    })
    .listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  function cut(): void {
    for (const socket of sockets) socket.destroy();
  }

  async function close(): Promise<void> {
    cut();
    await new Promise((resolve) => server.close(resolve));
  }

  cleanup(close);
  return {
    port,
    bytesIn: () => bytesIn,
    requests: () => requests,
    delay: (ms) => void (delayMs = ms),
    refuse() {
      mode = 'refuse';
      cut();
    },
    dropAnswers: () => void (mode = 'drop answers'),
    dropRequests: () => void (mode = 'drop requests'),
    heal() {
      // An answer that was lost leaves its connection one answer behind for good.
      if (mode !== 'sound') cut();
      mode = 'sound';
      delayMs = 0;
    },
    close,
  };
}
