import { Redis } from 'ioredis';

// No queue: while Redis is away, requests fail at once instead of hanging.
const redis = new Redis(process.env.REDIS_URL, {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 1000,
  lazyConnect: true,
});
redis.on('error', (error) => console.error('redis:', error.message));
await redis.connect();

export const sendCommand = (command, ...args) => redis.call(command, ...args);

// connect-redis speaks to node-redis; these four calls are what its sessions need.
export const client = {
  get: (key) => redis.get(key),
  set: (key, value, { expiration }) => redis.set(key, value, 'EX', expiration.value),
  expire: (key, seconds) => redis.expire(key, seconds),
  del: (keys) => redis.del(...keys),
};
