import { ConnectError } from '../errors/connect-error';
import { own } from '../base/own';
import { nearest } from '../checks/nearest';
import type { EncryptionKey } from '../session/seal';
import type { ConnectAuthOptions } from './options';
import { OPTIONS, OPTION_NAMES, type EnvKind, type OptionName } from './table';

/** Variables by name, as `process.env` has them. */
type Env = Readonly<Record<string, string | undefined>>;

/** An option that the environment can set. */
export interface Variable {
  readonly option: OptionName;
  /** Name of the variable, for example `CONNECT_CLIENT_ID`. */
  readonly name: string;
  readonly isRequired: boolean;
  /** Gives the option's value for a text that is not empty; undefined for one that cannot be read. */
  readonly parse: (text: string) => unknown;
}

/** `id:secret`. No spaces: one after a comma or at the end of a line would silently make another key. */
const KEY = /^[A-Za-z0-9_-]{1,32}:[\x21-\x7e]+$/u;

const PARSERS: Readonly<Record<Exclude<EnvKind, 'word'>, (text: string) => unknown>> = {
  text: (text) => text,
  flag: (text) => (text === 'true' || text === 'false' ? text === 'true' : undefined),
  number: (text) => (/^\d{1,9}$/u.test(text) ? Number(text) : undefined),
  list: (text) => text.split(',').map((part) => part.trim()),
  urls: urlsIn,
  keys: keysIn,
};

/** Every variable that is read. */
export const VARIABLES: readonly Variable[] = OPTION_NAMES.flatMap((option) => {
  const row = OPTIONS[option];
  const kind = own(row, 'env') as EnvKind | undefined;
  if (kind === undefined) return [];
  const parse = kind === 'word' ? row.read : PARSERS[kind];
  return [{ option, name: variableOf(option), isRequired: own(row, 'isRequired') === true, parse }];
});

function variableOf(option: OptionName): string {
  return `CONNECT_${option.replace(/[A-Z]/gu, '_$&').toUpperCase()}`;
}

function keysIn(text: string): readonly EncryptionKey[] | undefined {
  const pairs = text.split(',');
  if (!pairs.every((pair) => KEY.test(pair))) return undefined;
  return pairs.map((pair) => ({ id: pair.slice(0, pair.indexOf(':')), secret: pair.slice(pair.indexOf(':') + 1) }));
}

/** Whether the quotes that a value was written in are still around it; typographic ones even at one end. */
export function isQuoted(value: string): boolean {
  return /^(["'`]).*\1$|^[“”„‟‘’‚‛«»]|[“”„‟‘’‚‛«»]$/su.test(value);
}

/** One URL or several: a URL may contain commas itself. */
function urlsIn(text: string): string | readonly string[] {
  const urls = text.split(/,(?=\s*https?:)/iu).map((part) => part.trim());
  return urls.length === 1 ? text : urls;
}

/** What the environment says. */
export interface EnvReading {
  /** By option; a variable that is unset or cannot be read has no entry. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Variables that are required and unset, quoted, or that cannot be read. */
  readonly bad: readonly Variable[];
}

/** Reads each variable by itself; an empty one is unset. */
export function readEnv(env: Env): EnvReading {
  const options: Record<string, unknown> = {};
  const bad: Variable[] = [];
  for (const variable of VARIABLES) {
    const text = env[variable.name] ?? '';
    const value = text === '' || isQuoted(text) ? undefined : variable.parse(text);
    if (value !== undefined) options[variable.option] = value;
    else if (text !== '' || variable.isRequired) bad.push(variable);
  }
  return { options, bad };
}

/**
 * Makes options from environment variables, as `.env.example` lists them. The only place that reads an environment.
 * An empty value is unset. `connectAuth()` still validates the result.
 * @param env - defaults to `process.env`
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming each required variable that is unset and each that cannot be read
 */
export function connectOptionsFromEnv(env: Env = process.env): ConnectAuthOptions {
  const { options, bad } = readEnv(env);
  if (bad.length > 0) throw new ConnectError('ERR_CONNECT_OPTIONS', { stage: 'options', message: complaint(bad, env) });
  for (const { name, meant } of misspelt(env)) {
    process.emitWarning(`Nothing reads ${name}. Did you mean ${meant}?`, { code: 'CONNECT_AUTH_VARIABLE' });
  }
  return options as unknown as ConnectAuthOptions;
}

/** Other programs have variables that begin with CONNECT_, too: only near misses of this package's count. */
export function misspelt(env: Env): readonly { readonly name: string; readonly meant: string }[] {
  const known = VARIABLES.map(({ name }) => name);
  return Object.keys(env)
    .filter((name) => /^CONNECT\w*$/iu.test(name) && !known.includes(name))
    .flatMap((name) => {
      const meant = nearest(name, known);
      return meant === undefined ? [] : [{ name: name.slice(0, LONGEST_NAME), meant }];
    });
}

/** Characters of a variable's name that a message shows. */
const LONGEST_NAME = 64;

function complaint(bad: readonly Variable[], env: Env): string {
  const faults = bad.map((variable) => `${variable.name} (${faultOf(variable, env[variable.name] ?? '')})`);
  const near = misspelt(env).map(({ name, meant }) => `Nothing reads ${name}: did you mean ${meant}? `);
  const isUnset = VARIABLES.every(({ name }) => (env[name] ?? '') === '');
  const nothing = 'No variable is set: start with node --env-file=.env, or load .env before this call. ';
  const all = `connectOptionsFromEnv() needs usable values for these variables: ${faults.join(', ')}. `;
  return `${all}${near.join('')}${isUnset ? nothing : ''}See .env.example.`;
}

function faultOf({ option }: Variable, text: string): string {
  if (text === '') return 'unset';
  if (isQuoted(text)) return "remove the quotes around its value: Docker's --env-file keeps them";
  return `expected ${RULES[own(OPTIONS[option], 'env') as EnvKind] ?? OPTIONS[option].expected}`;
}

/** How the text must look, where the option's own rule does not say it. */
const RULES: Partial<Readonly<Record<EnvKind, string>>> = {
  flag: 'true or false',
  keys: 'id:secret without spaces, several of them with commas between',
};
