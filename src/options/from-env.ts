import { ConnectError } from '../errors/connect-error';
import { own } from '../base/own';
import type { EncryptionKey } from '../session/seal';
import type { ConnectAuthOptions } from './options';
import { OPTIONS, OPTION_NAMES, type EnvKind, type OptionName } from './table';

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

/** `id:secret`. No spaces: one behind a comma or at the end of a line would silently make another key. */
const KEY = /^[A-Za-z0-9_-]{1,32}:[\x21-\x7e]+$/u;

const PARSERS: Readonly<Record<Exclude<EnvKind, 'word'>, (text: string) => unknown>> = {
  text: (text) => text,
  flag: (text) => (text === 'true' || text === 'false' ? text === 'true' : undefined),
  number: (text) => (/^\d{1,9}$/u.test(text) ? Number(text) : undefined),
  list: (text) => text.split(',').map((part) => part.trim()),
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

/** What the environment says. */
export interface EnvReading {
  /** By option; nothing for a variable that is unset or cannot be read. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Required and unset, quoted, or not to be read. */
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
  return options as unknown as ConnectAuthOptions;
}

function complaint(bad: readonly Variable[], env: Env): string {
  const hasQuotes = ({ name }: Variable): boolean => isQuoted(env[name] ?? '');
  const namesOf = (variables: readonly Variable[]): string => variables.map(({ name }) => name).join(', ');
  const [quoted, others] = [bad.filter(hasQuotes), bad.filter((variable) => !hasQuotes(variable))];
  const needed = `connectOptionsFromEnv() needs usable values for these variables: ${namesOf([...quoted, ...others])}. `;
  const kept = `These have quotes around their value, which belong to none (Docker's --env-file keeps them): ${namesOf(quoted)}. `;
  return `${needed}${quoted.length === 0 ? '' : kept}See .env.example.`;
}
