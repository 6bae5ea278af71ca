import { setTimeout as sleep } from 'node:timers/promises';
import { isConnectError } from 'express-connect-auth';
import { close, connect } from './connect.mjs';
import { users } from './users.mjs';

const PAUSE_MS = 2000;
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stopping.abort());

/** What was last said of each user: only what is new is worth a line. */
const said = new Map();

while (!stopping.signal.aborted) {
  for (const user of users) {
    const line = await visit(user);
    if (said.get(user) !== line) console.log(`worker: ${line}`);
    said.set(user, line);
  }
  await sleep(PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => undefined); // cut short by a signal
}
await close();

/** Acts for a user who is not there. */
async function visit(user) {
  try {
    const { data } = await connect.of(user).client().get('/me');
    return `${user} is ${data.data.name}, ${data.data.email}`;
  } catch (error) {
    if (!isConnectError(error)) throw error;
    if (error.code === 'ERR_CONNECT_REQUIRED') return `${user} is not connected`;
    if (error.code === 'ERR_CONNECT_EXPIRED') return `${user} has to connect again`;
    if (error.retryable) return `${user} has to wait (${error.code})`; // the next round tries again
    return `${user} needs somebody to read this: ${error.message}`;
  }
}
