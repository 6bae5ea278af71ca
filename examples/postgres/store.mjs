import connectPgSimple from 'connect-pg-simple';
import session from 'express-session';
import { pool } from './connect.mjs';

export const store = new (connectPgSimple(session))({ pool, createTableIfMissing: true });
