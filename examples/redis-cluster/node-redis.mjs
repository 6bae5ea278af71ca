import { createClient } from 'redis';

export const client = await createClient({ url: process.env.REDIS_URL }).on('error', console.error).connect();

export const sendCommand = (...args) => client.sendCommand(args);
