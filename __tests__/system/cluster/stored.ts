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
    const type = String(await redis.command('TYPE', key));
    // What has expired since its name was read is not stored any more.
    if (type === 'none') return '';
    const read = { string: 'GET', hash: 'HGETALL' }[type];
    if (read === undefined) throw new Error(`Nobody here writes what is in ${key}.`);
    return [key, await redis.command(read, key)].flat().join('\n');
  });
  return (await Promise.all(lines)).join('\n');
}
