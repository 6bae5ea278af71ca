import { RedisStore } from 'connect-redis';
import { client } from './connect.mjs';

export const store = new RedisStore({ client });
