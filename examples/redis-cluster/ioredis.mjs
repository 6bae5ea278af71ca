import { Redis } from 'ioredis';

const redis = new Redis(process.env.REDIS_URL).on('error', console.error);

export const sendCommand = (command, ...args) => redis.call(command, ...args);

// connect-redis speaks to node-redis; these four calls are what its sessions need.
export const client = {
  get: (key) => redis.get(key),
  set: (key, value, { expiration }) => redis.set(key, value, expiration.type, expiration.value),
  expire: (key, seconds) => redis.expire(key, seconds),
  del: (keys) => redis.del(keys),
};
