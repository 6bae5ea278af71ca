import { connectOptionsFromEnv } from '../env-options';
import { isConnectError } from '../errors';
import { readOptions, type Config } from '../options';
import type { Env } from './env-file';
import type { Finding } from './finding';
import { nearest } from './nearest';
import { variableFault } from './variable-fault';

/** What the variables say, and what of them can be used. */
export interface OptionsJudgement {
  readonly findings: readonly Finding[];
  /** Present when everything is usable. */
  readonly config: Config | undefined;
  /** The token endpoint, also where other options are not usable. */
  readonly tokenUrl: string | undefined;
  readonly authorizeUrl: string | undefined;
}

/** Judges each variable by itself, so that every bad one is found, then all of them together. Pure. */
export function judgeOptions(env: Env, callbackPath: string): OptionsJudgement {
  const sound = soundVariables(callbackPath);
  const known = variablesRead();
  const faulty = known.filter(
    (name) => env[name] !== undefined && faultOf({ ...sound, [name]: env[name] }, callbackPath) !== undefined,
  );
  const missing = Object.keys(sound).filter((name) => isUnset(env[name]));
  const faults = known
    .filter((name) => faulty.includes(name) || missing.includes(name))
    .map((name) =>
      variableFault({ name, value: env[name] ?? '', callbackPath, expected: expectedAt(name, sound, callbackPath) }),
    );
  const together = faults.length === 0 ? faultOf(env, callbackPath) : undefined;
  if (together !== undefined) {
    faults.push({ check: 'options', subject: 'options', verdict: 'fail', text: 'do not fit together', cure: together });
  }
  const config = faults.length === 0 ? configOf(env, callbackPath) : undefined;
  const usable = configOf(
    { ...sound, ...pick(env, ['CONNECT_TOKEN_URL', 'CONNECT_AUTHORIZE_URL'], faulty) },
    callbackPath,
  );
  return {
    findings: [...faults, ...misspelt(env, known), ...summary(env, known, faults)],
    config,
    tokenUrl: faulty.includes('CONNECT_TOKEN_URL') ? undefined : usable.tokenUrl,
    authorizeUrl: faulty.includes('CONNECT_AUTHORIZE_URL') ? undefined : usable.authorizeUrl,
  };
}

/** Whether the option `callbackPath` can have this value. */
export function isCallbackPath(path: string): boolean {
  return faultOf(soundVariables(path), path) === undefined;
}

/** The required variables with values that nothing is wrong with: beside them one variable can be tried alone. */
function soundVariables(callbackPath: string): Record<string, string> {
  return {
    CONNECT_CLIENT_ID: 'id',
    CONNECT_CLIENT_SECRET: 'secret',
    CONNECT_REDIRECT_URI: `https://site.example${callbackPath}`,
  };
}

/** The names that `connectOptionsFromEnv` looks up, found out by asking it. */
export function variablesRead(): readonly string[] {
  const names = new Set<string>();
  const spy = new Proxy<Env>(
    {},
    {
      get(_target, name) {
        names.add(String(name));
        return undefined;
      },
    },
  );
  try {
    connectOptionsFromEnv(spy);
  } catch {
    // Nothing is set, so it refuses; by then it has looked everything up.
  }
  return [...names];
}

function configOf(env: Env, callbackPath: string): Config {
  return readOptions({ ...connectOptionsFromEnv(env), callbackPath });
}

/** The message of the refusal, which names options and never holds a value. */
function faultOf(env: Env, callbackPath: string): string | undefined {
  try {
    configOf(env, callbackPath);
    return undefined;
  } catch (error) {
    return isConnectError(error) ? error.message : 'They cannot be used.';
  }
}

/** What the library's own message says that the option must be, drawn out by a value that no option can have. */
function expectedAt(name: string, sound: Env, callbackPath: string): string {
  const option = name
    .replace(/^CONNECT_/u, '')
    .toLowerCase()
    .replace(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase());
  try {
    readOptions({ ...connectOptionsFromEnv(sound), callbackPath, [option]: Symbol(option) });
  } catch (error) {
    const expected = isConnectError(error) ? /\(expected (.*)\)\.$/u.exec(error.message)?.[1] : undefined;
    if (expected !== undefined) return expected;
  }
  return 'a usable value, see .env.example';
}

function isUnset(value: string | undefined): boolean {
  return value === undefined || value === '';
}

function pick(env: Env, names: readonly string[], without: readonly string[]): Env {
  return Object.fromEntries(names.filter((name) => !without.includes(name)).map((name) => [name, env[name]]));
}

/** Other programs have variables that begin with CONNECT_, too: only what is nearly one of ours is mentioned. */
function misspelt(env: Env, known: readonly string[]): Finding[] {
  return Object.keys(env)
    .filter((name) => /^CONNECT\w*$/iu.test(name) && !known.includes(name))
    .flatMap((name) => {
      const meant = nearest(name, known);
      return meant === undefined
        ? []
        : [
            {
              check: 'option',
              subject: name.slice(0, 64),
              verdict: 'warn',
              text: 'is read by nothing',
              cure: `Did you mean ${meant}?`,
            } as const,
          ];
    });
}

function summary(env: Env, known: readonly string[], faults: readonly Finding[]): Finding[] {
  const set = known.filter((name) => !isUnset(env[name])).length;
  if (faults.length > 0) return [];
  return [{ check: 'options', subject: 'options', verdict: 'ok', text: `${set} variables set, all of them usable` }];
}
