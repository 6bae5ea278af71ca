import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { transformFileSync } from '@swc/core';
import { cleanup } from '../../support/cleanup';
import { folderWithPackage, root } from '../../support/packed';

/** The demo as compiled JavaScript in a folder of its own, on the packed package. */
export interface CompiledDemo {
  readonly folder: string;
  /**
   * Starts `main` or `cluster`; nothing of this process's environment is handed on but what is named. It ends with the test
   * or the file that starts it.
   */
  start(entry: 'main' | 'cluster', env: Readonly<Record<string, string>>): Run;
}

/** A demo that was started. */
export interface Run {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  output(): string;
  /** Resolves with the whole output once it matches; rejects if the program ends before. */
  saying(pattern: RegExp): Promise<string>;
  exit(): Promise<number | null>;
}

/** Compiled aside: `npm run demo` rewrites dist, which other tests pack at the same time. */
export function compileDemo(): CompiledDemo {
  const folder = folderWithPackage(['express', 'express-session', 'prom-client', 'redis', 'connect-redis']);
  mkdirSync(join(folder, 'demo-app'));
  for (const name of readdirSync(join(root, 'demo-app')).filter((file) => file.endsWith('.ts'))) {
    const { code } = transformFileSync(join(root, 'demo-app', name), { configFile: join(root, '.swcrc') });
    writeFileSync(join(folder, 'demo-app', name.replace(/ts$/, 'js')), code);
  }
  return {
    folder,
    start(entry, env) {
      const run = startNode(join(folder, 'demo-app', `${entry}.js`), folder, env);
      cleanup(() => {
        run.child.kill('SIGKILL');
        return run.exit();
      });
      return run;
    },
  };
}

function startNode(file: string, folder: string, env: Readonly<Record<string, string>>): Run {
  const child = spawn(process.execPath, [file], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const collect = (chunk: Buffer) => void (text += chunk.toString());
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    child,
    output: () => text,
    exit: () => ended,
    saying: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(text)) resolve(text);
        };
        child.stdout.on('data', look);
        void ended.then(() => reject(new Error(`ended without saying ${pattern.source}: ${text}`)));
        look();
      }),
  };
}

/** The address that a demo has printed. */
export function addressIn(output: string): string {
  return /Open +(\S+)/.exec(output)?.[1] ?? '';
}
