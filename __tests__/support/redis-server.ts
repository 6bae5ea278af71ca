import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit, notAtExit } from './at-exit';
import { cleanup } from './cleanup';
import { freePort, unlessTaken } from './ports';
import { redisServerPath } from './requires';
import { startTcpProxy, type TcpProxy } from './tcp-proxy';

/** Strings hold one byte a character (latin1), so that binary values such as those of DUMP stay whole. */
export type RedisReply = string | number | null | readonly RedisReply[];

/** A redis-server of our own, which keeps nothing on disk. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** One command over a connection of its own. @throws with Redis's words when it answers with an error */
  command(...args: readonly (string | number)[]): Promise<RedisReply>;
  /** Freezes the process: connections stay, answers do not come. */
  pause(): void;
  resume(): void;
  /** Ends it as a crash does. */
  stop(): Promise<void>;
  /** Starts it again on the same port, empty; stops it before if it runs. */
  restart(): Promise<void>;
  /** Ends it for good and removes its folder. */
  close(): Promise<void>;
}

const READY_MS = 60_000;

/**
 * Starts redis-server on a free loopback port; it ends with the test or the file that starts it.
 * @param args - further ones, such as `--maxmemory 1mb` in two words
 */
export function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  return unlessTaken(() => startRedisOn(args));
}

async function startRedisOn(args: readonly string[]): Promise<RedisServer> {
  const path = redisServerPath();
  if (path === undefined) throw new Error('No redis-server here: use describeInRedis().');
  const folder = mkdtempSync(join(tmpdir(), 'connect-auth-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const kill = (): void => void child?.kill('SIGKILL');

  async function start(): Promise<void> {
    const started = spawn(
      path ?? '',
      ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder, ...args],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    child = started;
    atExit(kill);
    await ready(started);
  }

  async function stop(): Promise<void> {
    const running = child;
    child = undefined;
    notAtExit(kill);
    if (running?.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    // Not SIGTERM: a paused process would not see it.
    running.kill('SIGKILL');
    await gone;
  }

  async function close(): Promise<void> {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  }

  cleanup(close);
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    command: (...words) => command(port, words.map(String)),
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    stop,
    async restart() {
      await stop();
      await start();
    },
    close,
  };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`redis-server did not start in time: ${said}`));
    }, READY_MS);
    child.stdout?.on('data', (text: Buffer) => {
      said += String(text);
      if (!said.includes('Ready to accept connections')) return;
      clearTimeout(timer);
      resolve();
    });
    child.stderr?.on('data', (text: Buffer) => (said += String(text)));
    child.once('error', reject);
    child.once('exit', () => {
      clearTimeout(timer);
      reject(new Error(`redis-server ended: ${said}`));
    });
  });
}

/** A way to Redis that goes wrong on command. */
export interface RedisProxy extends TcpProxy {
  readonly url: string;
}

/** Puts itself between a client and Redis; it ends with the test or the file that starts it. */
export async function startRedisProxy(redisPort: number): Promise<RedisProxy> {
  const proxy = await startTcpProxy({ port: redisPort, host: '127.0.0.1' });
  return { ...proxy, url: `redis://127.0.0.1:${proxy.port}` };
}

/** RESP2 (redis.io, "Redis serialization protocol specification"), as far as one command needs it. */
async function command(port: number, words: readonly string[]): Promise<RedisReply> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    socket.write(`*${words.length}\r\n${parts.join('')}`);
    let text = '';
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      text += chunk.toString('latin1');
      const reply = readReply(text, 0);
      if (reply !== undefined) return reply.value;
    }
    throw new Error('Redis closed the connection before it had answered.');
  } finally {
    socket.destroy();
  }
}

/** @returns undefined while the text is not complete */
function readReply(text: string, from: number): { value: RedisReply; next: number } | undefined {
  const end = text.indexOf('\r\n', from);
  if (end === -1) return undefined;
  const line = text.slice(from + 1, end);
  const next = end + 2;
  switch (text.charAt(from)) {
    case '+':
      return { value: line, next };
    case '-':
      throw new Error(line);
    case ':':
      return { value: Number(line), next };
    case '$':
      return readBulk(text, next, Number(line));
    case '*':
      return readArray(text, next, Number(line));
    default:
      throw new Error(`Not RESP2: ${text.slice(from, end)}`);
  }
}

function readBulk(text: string, from: number, length: number): { value: RedisReply; next: number } | undefined {
  if (length < 0) return { value: null, next: from };
  if (text.length < from + length + 2) return undefined;
  return { value: text.slice(from, from + length), next: from + length + 2 };
}

function readArray(text: string, from: number, count: number): { value: RedisReply; next: number } | undefined {
  if (count < 0) return { value: null, next: from };
  const value: RedisReply[] = [];
  let next = from;
  while (value.length < count) {
    const item = readReply(text, next);
    if (item === undefined) return undefined;
    value.push(item.value);
    next = item.next;
  }
  return { value, next };
}
