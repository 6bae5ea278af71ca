import { nearest } from '../checks/nearest';
import { VARIABLES, readEnv, type Variable } from '../options/from-env';
import { readOptions, withDefaults, type Config } from '../options/read';
import { relationFaults } from '../options/relations';
import { OPTIONS } from '../options/table';
import { own } from '../base/own';
import type { Env } from './env-file';
import type { Finding } from './finding';
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
  const { options, bad: unread } = readEnv(env);
  const bad = new Set<string>(unread.map(({ option }) => option));
  const isUnusable = ({ option }: Variable): boolean => {
    const value = own(options, option);
    return value !== undefined && OPTIONS[option].read(value) === undefined;
  };
  for (const variable of VARIABLES.filter(isUnusable)) bad.add(variable.option);
  const values = withDefaults({ ...options, callbackPath });
  for (const option of relationFaults(values, bad)) bad.add(option);
  const faults = VARIABLES.filter(({ option }) => bad.has(option)).map(({ option, name }) =>
    variableFault({ name, value: env[name] ?? '', callbackPath, expected: OPTIONS[option].expected }),
  );
  return {
    findings: [...faults, ...misspelt(env), ...summary(env, faults)],
    config: faults.length === 0 ? readOptions({ ...options, callbackPath }) : undefined,
    tokenUrl: bad.has('tokenUrl') ? undefined : values.tokenUrl,
    authorizeUrl: bad.has('authorizeUrl') ? undefined : values.authorizeUrl,
  };
}

/** Whether the option `callbackPath` can have this value. */
export function isCallbackPath(path: string): boolean {
  const values = withDefaults({ redirectUri: `https://site.example${path}`, callbackPath: path });
  return OPTIONS.callbackPath.read(path) !== undefined && relationFaults(values, new Set()).length === 0;
}

/** Other programs have variables that begin with CONNECT_, too: only what is nearly one of ours is mentioned. */
function misspelt(env: Env): Finding[] {
  const known = VARIABLES.map(({ name }) => name);
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

function summary(env: Env, faults: readonly Finding[]): Finding[] {
  const set = VARIABLES.filter(({ name }) => (env[name] ?? '') !== '').length;
  if (faults.length > 0) return [];
  return [{ check: 'options', subject: 'options', verdict: 'ok', text: `${set} variables set, all of them usable` }];
}
