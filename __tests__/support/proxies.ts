import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { cleanup } from './cleanup';

/** A forward proxy on loopback. */
export interface Proxy {
  readonly url: string;
  /** `host:port` of every tunnel that was asked for, in order. */
  readonly tunnels: readonly string[];
  /** What it answers in the place of a tunnel from now on; undefined: tunnels again. */
  refuseWith(answer: Buffer | undefined): void;
}

/** An HTTP proxy that knows CONNECT only (RFC 9110 §9.3.6); it is closed with the test or the file that starts it. */
export async function startConnectProxy(): Promise<Proxy> {
  const tunnels: string[] = [];
  let refusal: Buffer | undefined;
  const server = http.createServer((_req, res) => void res.writeHead(405).end());
  server.on('connect', ({ url: target = '' }: http.IncomingMessage, socket: net.Socket) => {
    tunnels.push(target);
    socket.on('error', () => undefined);
    if (refusal !== undefined) return void socket.end(refusal);
    join(socket, target, () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'));
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  return { url, tunnels, refuseWith: (answer) => void (refusal = answer) };
}

const NO_LOGIN = Buffer.from([5, 0]);
const ESTABLISHED = Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
/** RFC 1928 §6: not allowed by the ruleset. */
const NOT_ALLOWED = Buffer.from([5, 2, 0, 1, 0, 0, 0, 0, 0, 0]);

/** A SOCKS 5 proxy (RFC 1928) that takes host names and asks for no login; what it refuses with is its own word. */
export async function startSocksProxy(): Promise<Proxy> {
  const tunnels: string[] = [];
  let refused = false;
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(NO_LOGIN);
      socket.once('data', (ask: Buffer) => {
        // Version, command, reserved, type 3 (name), its length, the name, the port.
        const end = 5 + ask.readUInt8(4);
        const target = `${ask.toString('latin1', 5, end)}:${ask.readUInt16BE(end)}`;
        tunnels.push(target);
        if (refused) return void socket.end(NOT_ALLOWED);
        join(socket, target, () => socket.write(ESTABLISHED));
      });
    });
  });
  const url = `socks5h://127.0.0.1:${await listen(server)}`;
  return { url, tunnels, refuseWith: (answer) => void (refused = answer !== undefined) };
}

function join(socket: net.Socket, target: string, established: () => void): void {
  const behind = net.connect(Number(target.split(':')[1]), '127.0.0.1', () => {
    established();
    socket.pipe(behind).pipe(socket);
  });
  behind.on('error', () => socket.destroy());
}

async function listen(server: net.Server): Promise<number> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  cleanup(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
