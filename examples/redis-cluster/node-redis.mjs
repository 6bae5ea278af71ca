import { createClient } from 'redis';

// No queue: while Redis is away, requests fail at once instead of hanging.
export const client = createClient({ url: process.env.REDIS_URL, disableOfflineQueue: true });
client.on('error', (error) => console.error('redis:', error.message)); // without a listener an outage ends the process
await client.connect();

export const sendCommand = (...args) => client.sendCommand(args);
