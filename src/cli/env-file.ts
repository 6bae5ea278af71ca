import { readFileSync } from 'node:fs';
import * as util from 'node:util';

/** Variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/** The variables of a file, or why it could not be read, fit to print. */
export type ReadEnvFile = { readonly env: Env } | { readonly misuse: string };

/** Reads a .env file as `node --env-file` does, whatever the process's own environment says. */
export function readEnvFile(path: string): ReadEnvFile {
  try {
    const text = readFileSync(path, 'utf8').replace(/^\uFEFF/u, '').replaceAll('\r\n', '\n');
    // Node 20 has had it from 20.12 on only.
    return { env: { ...(typeof util.parseEnv === 'function' ? util.parseEnv(text) : parseEnvText(text)) } };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : 'it cannot be read';
    return { misuse: `--env-file ${path}: ${reason}.` };
  }
}

/** `NAME=value`, in one of three kinds of quotes or none, with `export` before it or not, a comment behind it or not. */
const LINE = /^[ \t]*(?:export[ \t]+)?([\w.-]+)[ \t]*=[ \t]*(?:"([^"]*)"|'([^']*)'|`([^`]*)`|([^#\n]*))/gmu;

/** What `util.parseEnv` of later versions does: see the documentation of Node, "dotenv". */
export function parseEnvText(text: string): Env {
  const env: Record<string, string> = {};
  for (const [, name = '', double, single, back, plain = ''] of text.matchAll(LINE)) {
    env[name] = double?.replaceAll('\\n', '\n') ?? single ?? back ?? plain.trim();
  }
  return env;
}
