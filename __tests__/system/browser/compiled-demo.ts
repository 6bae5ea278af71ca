import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import ts from 'typescript';

const root = join(__dirname, '../..', '..');

/** The demo as compiled JavaScript in a folder of its own. */
export interface CompiledDemo {
  readonly folder: string;
  /** Starts `main` or `cluster`; nothing of this process's environment is handed on but what is named. */
  start(entry: 'main' | 'cluster', env: Readonly<Record<string, string>>): Run;
  /** Ends what still runs. */
  killAll(): Promise<void>;
  remove(): void;
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
  const folder = mkdtempSync(join(tmpdir(), 'demo-'));
  const running: Run[] = [];
  for (const part of ['src', 'demo-app']) compile(part, folder);
  const self = join(folder, 'node_modules', 'express-connect-auth');
  mkdirSync(self, { recursive: true });
  writeFileSync(join(self, 'package.json'), '{"main":"index.js"}');
  writeFileSync(join(self, 'index.js'), "module.exports = require('../../src/index.js');");
  for (const name of ['testing', 'redis']) {
    writeFileSync(join(self, `${name}.js`), `module.exports = require('../../src/${name}/index.js');`);
  }
  return {
    folder,
    start(entry, env) {
      const run = startNode(join(folder, 'demo-app', `${entry}.js`), folder, env);
      running.push(run);
      return run;
    },
    async killAll() {
      await Promise.all(
        running.splice(0).map(
          ({ child }) =>
            new Promise((resolve) => {
              if (child.exitCode !== null || child.signalCode !== null) resolve(undefined);
              else child.once('exit', resolve).kill('SIGKILL');
            }),
        ),
      );
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function compile(part: string, folder: string): void {
  for (const name of readdirSync(join(root, part), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name.startsWith('dist')) continue;
    const target = join(folder, part, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true };
    writeFileSync(
      target,
      ts.transpileModule(readFileSync(join(root, part, name), 'utf8'), { compilerOptions }).outputText,
    );
  }
}

function startNode(file: string, folder: string, env: Readonly<Record<string, string>>): Run {
  const child = spawn(process.execPath, [file], {
    cwd: folder,
    env: { PATH: process.env['PATH'], NODE_PATH: join(root, 'node_modules'), ...env },
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
