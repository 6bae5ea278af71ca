import { basename } from 'node:path';
import { createClient } from 'redis';
import { connectAuth, connectOptionsFromEnv } from 'express-connect-auth';
import { redisConnections, redisLedger } from 'express-connect-auth/redis';

// No queue: while Redis is away, requests and jobs fail at once instead of hanging.
export const client = createClient({ url: process.env.REDIS_URL, disableOfflineQueue: true });
client.on('error', (error) => console.error('redis:', error.message)); // without a listener an outage ends the process
await client.connect();

const options = connectOptionsFromEnv();
const redis = {
  sendCommand: (...args) => client.sendCommand(args),
  encryptionKeys: options.encryptionKeys,
  commandTimeoutMs: 3000, // two processes, Redis and a provider on one small machine (default: 500)
};

const program = basename(process.argv[1], '.mjs');

/** The same in every process: what one of them records, all the others can read. */
export const connect = connectAuth({
  ...options,
  owner: (req) => req.session?.user,
  connections: redisConnections(redis),
  ledger: redisLedger(redis),
  onEvent({ type, owner, reason }) {
    if (type === 'ended') console.log(`${program}: the connection of ${owner} has ended (${reason})`);
    if (type === 'refreshed') console.log(`${program}: refreshed the token of ${owner}`);
  },
});

/** For the end of a process, when it does nothing any more. */
export async function close() {
  await connect.close(); // refreshes in flight are finished and recorded
  await client.close();
}
