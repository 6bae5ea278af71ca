import { readFileSync } from 'node:fs';
import { Server } from 'node:net';
import { join } from 'node:path';

/** The file that the command's name leads to: what it takes from the process, and what it leaves there. */

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
const HEARD: readonly (readonly [NodeJS.EventEmitter, string])[] = [
  [process.stdout, 'error'],
  ...SIGNALS.map((name) => [process, name] as const),
];
const before = {
  argv: process.argv,
  exitCode: process.exitCode,
  listeners: HEARD.map(([emitter, name]) => emitter.rawListeners(name)),
};
let said = { stdout: '', stderr: '' };

beforeEach(() => {
  said = { stdout: '', stderr: '' };
  process.exitCode = undefined;
  for (const name of ['stdout', 'stderr'] as const) {
    jest.spyOn(process[name], 'write').mockImplementation((words) => {
      said[name] += String(words);
      return true;
    });
  }
});

afterEach(() => {
  jest.restoreAllMocks();
  process.argv = before.argv;
  process.exitCode = before.exitCode;
  HEARD.forEach(([emitter, name], index) => {
    const added = emitter.rawListeners(name).filter((listener) => !before.listeners[index]!.includes(listener));
    for (const listener of added) emitter.off(name, listener as () => void);
  });
});

function enter(...args: readonly string[]): void {
  process.argv = [process.execPath, 'express-connect-auth', ...args];
  jest.isolateModules(() => {
    jest.requireActual('../../../src/cli');
  });
}

async function exitCode(): Promise<typeof process.exitCode> {
  while (process.exitCode === undefined) await new Promise(setImmediate);
  return process.exitCode;
}

test('the arguments are those of the process, and so are the streams and the exit code', async () => {
  const { version } = JSON.parse(readFileSync(join(__dirname, '../../../package.json'), 'utf8')) as { version: string };
  enter('--version');
  expect({ exitCode: await exitCode(), said }).toEqual({ exitCode: 0, said: { stdout: `${version}\n`, stderr: '' } });
  process.exitCode = undefined;
  enter('frobnicate');
  expect(await exitCode()).toBe(2);
  expect(said.stderr).toBe('There is no such command.\nSee: express-connect-auth --help\n');
});

test.each(SIGNALS)('%s ends the sandbox, and is listened to once', async (signal) => {
  const count = process.listenerCount(signal);
  enter('sandbox');
  while (!said.stdout.includes('Ctrl+C')) await new Promise(setImmediate);
  process.emit(signal);
  expect(await exitCode()).toBe(0);
  expect(process.listenerCount(signal)).toBe(count);
});

test('a reader that has gone is no failure, any other fault of the output is one', async () => {
  enter('--version');
  await exitCode();
  const fault = (code: string): Error => Object.assign(new Error('write'), { code });
  process.stdout.emit('error', fault('EPIPE'));
  expect(() => process.stdout.emit('error', fault('EIO'))).toThrow(fault('EIO'));
  expect(process.exitCode).toBe(0);
});

test('of the unexpected nothing is told but that it happened', async () => {
  jest.spyOn(Server.prototype, 'listen').mockImplementation(() => {
    throw new Error('a value');
  });
  enter('sandbox');
  expect({ exitCode: await exitCode(), said }).toEqual({
    exitCode: 1,
    said: { stdout: '', stderr: 'Something unexpected went wrong. Please report how you called this.\n' },
  });
});

describe('started by npx', () => {
  const { npm_command: before } = process.env;
  const ppid = Object.getOwnPropertyDescriptor(process, 'ppid') ?? {};
  afterEach(() => {
    Object.defineProperty(process, 'ppid', ppid);
    if (before === undefined) delete process.env['npm_command'];
    else process.env['npm_command'] = before;
  });

  test('the sandbox ends when its parent has gone, and not before', async () => {
    let parent = 1000;
    Object.defineProperty(process, 'ppid', { configurable: true, get: () => parent });
    process.env['npm_command'] = 'exec';
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] });
    try {
      enter('sandbox');
      while (!said.stdout.includes('Ctrl+C')) await new Promise(setImmediate);
      jest.advanceTimersByTime(1000);
      for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
      expect(process.exitCode).toBeUndefined();
      parent = 1;
      jest.advanceTimersByTime(250);
      expect(await exitCode()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});
