import { once } from 'node:events';
import { createServer } from 'node:net';

const FIRST_PORT = 3000;
/** How many ports after a taken one are tried. */
const PORTS_TO_TRY = 20;
/** Everything that `localhost` may mean to a browser, and all addresses at once. */
const HOSTS = ['127.0.0.1', '::1', undefined];

/**
 * Finds a free port, from `wish` (a text) or 3000 on; `'0'` is any.
 * @throws Error with the next step in words
 */
export async function findPort(wish) {
  const first = wish === undefined || wish === '' ? FIRST_PORT : Number(wish);
  if (!Number.isInteger(first) || first < 0 || first > 65_535)
    throw new Error('PORT must be a number from 0 to 65535.');
  if (first === 0) return listensOn(0, '127.0.0.1');
  for (let port = first; port < first + PORTS_TO_TRY && port <= 65_535; port += 1) {
    if (await isFree(port)) return port;
    console.log(`Port ${port} is taken, trying the next one.`);
  }
  throw new Error(`No free port from ${first} on. Choose another one by the environment variable PORT.`);
}

async function isFree(port) {
  for (const host of HOSTS) {
    if ((await listensOn(port, host)) === undefined) return false;
  }
  return true;
}

/** @returns the port, or undefined when it is taken */
async function listensOn(port, host) {
  const server = createServer().listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    // A machine without this address has nobody on it either.
    return ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(error.code) ? port : undefined;
  }
  const taken = server.address().port;
  server.close();
  await once(server, 'close');
  return taken;
}
