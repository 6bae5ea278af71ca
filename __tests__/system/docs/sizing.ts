import http from 'node:http';
import { RedisStore } from 'connect-redis';
import express from 'express';
import session, { type CookieOptions } from 'express-session';
import { createClient } from 'redis';
import { connectAuth, type ConnectAuthOptions } from 'express-connect-auth';
import { patientLedger } from '../../support/patient-ledger';
import { browser, type Browser } from '../../support/app';
import { cleanup } from '../../support/cleanup';
import type { RedisServer } from '../../support/redis-server';
import { serve } from '../../support/serve';

export const ENCRYPTION_KEYS = [{ id: '2026-11', secret: 'thirty-two characters or more, for the tests' }];

/**
 * A deployment of one process, with sessions and ledger in a real Redis, whose provider gives token sets of 1.2 KB. It ends
 * with the test or the file that starts it.
 */
export interface Deployment {
  readonly visitor: Browser;
  readonly url: string;
  signIn(): Promise<void>;
  /** Lets the session's token expire, as its document in Redis has it. */
  age(): Promise<void>;
  /** The stored session document, to put back. */
  document(): Promise<string>;
  putBack(document: string): Promise<void>;
  /** Removes every key with this beginning. */
  forget(prefix: string): Promise<void>;
  /** Lets the record's token set look settled so much earlier. Milliseconds. */
  settledEarlier(ms: number): Promise<void>;
  /** Commands that Redis has carried out for the app during `act`, by name; those inside scripts count as well. */
  commandsOf(act: () => Promise<unknown>): Promise<Readonly<Record<string, number>>>;
  /** `MEMORY USAGE` of the only key with this beginning. */
  bytesOf(prefix: string): Promise<number>;
  /** `MEMORY USAGE` of every key with this beginning. */
  bytesOfEach(prefix: string): Promise<readonly number[]>;
}

/** 1,176 bytes as JSON, about what JSON Web Tokens come to. */
export function tokenSet(): Readonly<Record<string, string | number>> {
  return {
    access_token: letters(718),
    refresh_token: letters(380),
    expires_at: Math.floor(Date.now() / 1000) + 3600,
    type: 'bearer',
  };
}

function letters(length: number): string {
  return Array.from({ length }, (_, index) => String.fromCharCode(97 + ((index * 7 + length) % 26))).join('');
}

export async function deploy(
  redis: RedisServer,
  options: Partial<ConnectAuthOptions> = {},
  cookie: CookieOptions = {},
): Promise<Deployment> {
  const provider = http.createServer((req, res) => {
    req.resume().on('end', () => res.setHeader('Content-Type', 'application/json').end(JSON.stringify(tokenSet())));
  });
  const client = createClient({ url: redis.url });
  client.on('error', () => undefined);
  cleanup(() => client.destroy());
  await client.connect();
  const app = express();
  const [{ url: providerUrl }, { url }] = await Promise.all([serve(provider), serve(http.createServer(app))]);
  const store = new RedisStore({ client });
  app.use(session({ secret: 'any', resave: false, saveUninitialized: false, store, cookie }));
  const connect = connectAuth({
    clientId: 'client',
    clientSecret: 'secret',
    redirectUri: `${url}/connect/callback`,
    authorizeUrl: `${providerUrl}/authorize`,
    tokenUrl: `${providerUrl}/token`,
    ledger: patientLedger({ sendCommand: (...args) => client.sendCommand(args), encryptionKeys: ENCRYPTION_KEYS }),
    ...options,
  });
  cleanup(() => connect.close());
  app.use(connect);
  app.get('/', (_req, res) => void res.send('hello'));
  app.get('/token', connect.requireConnect(), (_req, res) => void res.send('connected'));
  const visitor = browser();

  const keysOf = async (prefix: string): Promise<readonly string[]> =>
    (await redis.command('KEYS', `${prefix}*`)) as readonly string[];
  const usage = async (key: string): Promise<number> =>
    Number(await redis.command('MEMORY', 'USAGE', key, 'SAMPLES', '0'));

  const keyOf = async (prefix: string): Promise<string> => {
    const all = await keysOf(prefix);
    // Marks of moved sessions are small, and gone after moments.
    const keys = all.filter((key) => !key.includes(':moved:'));
    if (keys.length !== 1) throw new Error(`${keys.length} keys begin with ${prefix}`);
    return keys[0] ?? '';
  };

  const document = async (): Promise<string> => String(await redis.command('GET', await keyOf('sess:')));
  const putBack = async (text: string): Promise<void> => {
    await redis.command('SET', await keyOf('sess:'), text, 'KEEPTTL');
  };

  return {
    visitor,
    url,
    async signIn() {
      const started = await visitor.visit(`${url}/connect/authorize`);
      const state = new URL(started.location).searchParams.get('state') ?? '';
      const landed = await visitor.visit(`${url}/connect/callback?code=any&state=${state}`);
      if (landed.status !== 302) throw new Error(`the callback answered ${landed.status}`);
    },
    document,
    putBack,
    async age() {
      const aged = JSON.parse(await document()) as { connectToken: Record<string, unknown> };
      aged.connectToken['expires_at'] = Math.floor(Date.now() / 1000) - 10;
      await putBack(JSON.stringify(aged));
    },
    async forget(prefix) {
      for (const key of await keysOf(prefix)) await redis.command('DEL', key);
    },
    async settledEarlier(ms) {
      await redis.command('HINCRBY', await keyOf('connect-auth:'), 'at', -ms);
    },
    async commandsOf(act) {
      await redis.command('CONFIG', 'RESETSTAT');
      await act();
      return commandCalls(String(await redis.command('INFO', 'commandstats')));
    },
    bytesOf: async (prefix) => usage(await keyOf(prefix)),
    bytesOfEach: async (prefix) => Promise.all((await keysOf(prefix)).map(usage)),
  };
}

/** Calls per command. */
export function commandCalls(info: string): Readonly<Record<string, number>> {
  const rows = [...info.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gmu)].map(
    ([, name = '', calls]) => [name, Number(calls)] as const,
  );
  return Object.fromEntries(rows.filter(([name]) => !/^(?:config|info)/u.test(name)));
}
