import { readFileSync } from 'node:fs';
import util from 'node:util';

/** Variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

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
    // Node 20 has had it from 20.12 on only.
    const env = { ...(typeof util.parseEnv === 'function' ? util.parseEnv(text) : parseEnvText(text)) };
    const cut = [...text.matchAll(CUT)].filter(([, name = '', left = '']) => env[name] === left.trim());
    return { env, cut: cut.map(([, name = '']) => name) };
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : 'the file cannot be read';
    return { misuse: `--env-file: ${reason}.` };
  }
}

/** `NAME=value`, in one of three kinds of quotes or none, with `export` before it or not, a comment behind it or not. */
const LINE = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*(?:"([^"]*)"|'([^']*)'|`([^`]*)`|([^#\n]*))/gmu;

/** What is left of a value without quotes, and a # right behind it. */
const CUT = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*(?![ \t"'`])([^#\n]+)(?<![ \t])#/gmu;

/** What `util.parseEnv` of later versions does: see the documentation of Node, "dotenv". */
export function parseEnvText(text: string): Env {
  const env: Record<string, string> = {};
  for (const [, name = '', double, single, back, plain = ''] of text.matchAll(LINE)) {
    env[name] = double?.replaceAll('\\n', '\n') ?? single ?? back ?? plain.trim();
  }
  return env;
}
