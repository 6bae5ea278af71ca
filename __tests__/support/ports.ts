import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** A port that nobody uses at this moment. Who passes it to another program uses {@link unlessTaken}. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Starts a program on ports that were free, and again, on others, while somebody has taken them meanwhile.
 * @param start - asks for its ports itself, and rejects with what the program said
 */
export async function unlessTaken<Started>(start: () => Promise<Started>): Promise<Started> {
  for (let left = 4; ; left -= 1) {
    try {
      return await start();
    } catch (error) {
      if (left === 0 || !/EADDRINUSE|Address already in use/u.test(String(error))) throw error;
    }
  }
}
