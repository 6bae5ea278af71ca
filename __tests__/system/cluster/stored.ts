import type { Browser } from '../../support/app';
import type { RedisServer } from '../../support/redis-server';

/** A session document as connect-redis keeps it. */
export interface SessionDocument {
  connectToken?: {
    access_token: string;
    refresh_token: string;
    expires_at?: number;
    type: string;
    connection?: string;
  };
  note?: string;
}

/** Reads and changes the sessions behind the workers' backs. */
export interface Sessions {
  read(visitor: Browser): Promise<SessionDocument>;
  write(visitor: Browser, document: SessionDocument): Promise<void>;
  /** Lets the token in the session expire in so many seconds; a negative number: it has expired. @returns its refresh token */
  age(visitor: Browser, secondsLeft: number): Promise<string>;
}

export function sessionsIn(redis: RedisServer): Sessions {
  async function read(visitor: Browser): Promise<SessionDocument> {
    const document = await redis.command('GET', sessionKey(visitor));
    if (document === null) throw new Error('There is no such session.');
    return JSON.parse(String(document)) as SessionDocument;
  }
  async function write(visitor: Browser, document: SessionDocument): Promise<void> {
    await redis.command('SET', sessionKey(visitor), JSON.stringify(document), 'KEEPTTL');
  }
  return {
    read,
    write,
    async age(visitor, secondsLeft) {
      const document = await read(visitor);
      if (document.connectToken === undefined) throw new Error('There is no token in the session.');
      document.connectToken.expires_at = Math.floor(Date.now() / 1000) + secondsLeft;
      await write(visitor, document);
      return document.connectToken.refresh_token;
    },
  };
}

function sessionKey(visitor: Browser): string {
  const cookie = decodeURIComponent(visitor.cookies.get('connect.sid') ?? '');
  return `sess:${cookie.slice(2, cookie.lastIndexOf('.'))}`;
}

/** Every key with its value, as somebody finds them who has the whole Redis. */
export async function dumpOf(redis: RedisServer): Promise<string> {
  const keys = (await redis.command('KEYS', '*')) as readonly string[];
  const lines = keys.map(async (key) => {
    const read = { string: 'GET', hash: 'HGETALL' }[String(await redis.command('TYPE', key))];
    if (read === undefined) throw new Error(`Nobody here writes what is in ${key}.`);
    return [key, await redis.command(read, key)].flat().join('\n');
  });
  return (await Promise.all(lines)).join('\n');
}

/** Looks into a ledger that knows one connection, and others only from before {@link LedgerView.forget}. */
export interface LedgerView {
  /** The connections so far are of no interest; a process may still be busy with one, and bring its record back. */
  forget(): Promise<void>;
  /** Fields of the record, as src/ledger/redis/scripts.ts names them; empty: no record. */
  record(): Promise<Readonly<Record<string, string>>>;
  /** Resolves once the record is as asked. @throws Error when it is not within a minute */
  until(isSo: (record: Readonly<Record<string, string>>) => boolean): Promise<void>;
  /** Makes the newest token set so much older, in milliseconds. */
  ageBox(ms: number): Promise<void>;
  /** Ends the running lease, back-off or rest, as time would. */
  endDeadline(): Promise<void>;
}

export function ledgerIn(redis: RedisServer): LedgerView {
  const forgotten = new Set<string>();
  async function keys(): Promise<readonly string[]> {
    const all = (await redis.command('KEYS', 'connect-auth:*')) as readonly string[];
    return all.filter((key) => !/:(?:once|moved|owner):/u.test(key));
  }
  async function onlyKey(): Promise<string | undefined> {
    const records = (await keys()).filter((key) => !forgotten.has(key));
    if (records.length > 1) throw new Error('There are several connections.');
    return records[0];
  }
  async function record(): Promise<Readonly<Record<string, string>>> {
    const key = await onlyKey();
    if (key === undefined) return {};
    const words = (await redis.command('HGETALL', key)) as readonly string[];
    return Object.fromEntries(words.flatMap((name, at) => (at % 2 === 0 ? [[name, words[at + 1] ?? '']] : [])));
  }
  return {
    async forget() {
      for (const key of await keys()) forgotten.add(key);
    },
    record,
    async until(isSo) {
      const lastMs = Date.now() + 60_000;
      while (!isSo(await record())) {
        if (Date.now() > lastMs)
          throw new Error(`The record stays ${JSON.stringify({ ...(await record()), box: '…' })}.`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async ageBox(ms) {
      await redis.command('HINCRBY', (await onlyKey()) ?? 'nothing', 'at', -ms);
    },
    async endDeadline() {
      await redis.command('HSET', (await onlyKey()) ?? 'nothing', 'dl', 0);
    },
  };
}
