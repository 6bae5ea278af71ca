import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { Env } from '../command';

/** What a file says. */
export interface EnvFile {
  readonly env: Env;
  /** The variables without quotes whose value is cut at a # that follows it directly. */
  readonly cut: readonly string[];
}

/** A file that was read, or why it could not be, fit to print. */
export type ReadEnvFile = EnvFile | { readonly misuse: string };

/** Reads a .env file as `node --env-file` does, whatever the process's own environment says. */
export function readEnvFile(path: string): ReadEnvFile {
  try {
    const bytes = readFileSync(path);
    if (bytes.includes(0))
      return { misuse: '--env-file: the file is not UTF-8 (PowerShell writes UTF-16); save it as UTF-8.' };
    const text = bytes
      .toString('utf8')
      .replace(/^\uFEFF/u, '')
      .replaceAll('\r\n', '\n');
    const env = { ...parseEnv(text) };
    const found = [...text.matchAll(CUT)] as unknown as readonly (readonly [
      whole: string,
      name: string,
      left: string,
    ])[];
    return { env, cut: found.filter(([, name, left]) => env[name] === left.trim()).map(([, name]) => name) };
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : 'the file cannot be read';
    return { misuse: `--env-file: ${reason}.` };
  }
}

/** What is left of a value without quotes, and a # right behind it. */
const CUT = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*(?![ \t"'`])([^#\n]+)(?<![ \t])#/gmu;
