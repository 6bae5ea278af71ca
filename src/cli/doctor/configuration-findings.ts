import { isLoopback } from '../../checks/values';
import { VARIABLES, isQuoted, misspelt, readEnv, type EnvReading, type Variable } from '../../options/from-env';
import { readOptions, withDefaults, type Config } from '../../options/read';
import { relationFaults } from '../../options/relations';
import { OPTIONS, type OptionName } from '../../options/table';
import { own } from '../../base/own';
import type { Env } from '../command';
import type { EnvFile } from './env-file';
import { fail, ok, warn, type Finding, type Subject } from './finding';

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
  const faults = VARIABLES.filter(({ option }) => bad.has(option)).map(({ option, name }) => {
    const { expected } = OPTIONS[option];
    const variable = {
      name,
      value: env[name] ?? '',
      callbackPath,
      expected,
      list: listFault(option, options, callbackPath),
    };
    return fail(variableNamed(name), ...variableFault(variable));
  });
  return {
    findings: [...faults, ...misspeltOnes(env), ...(faults.length === 0 ? [allUsable(env)] : [])],
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

function variableNamed(name: string): Subject {
  return { check: 'option', subject: name };
}

function misspeltOnes(env: Env): Finding[] {
  return misspelt(env).map(({ name, meant }) =>
    warn(variableNamed(name), 'is read by nothing', `Did you mean ${meant}?`),
  );
}

function allUsable(env: Env): Finding {
  const set = VARIABLES.filter(({ name }) => (env[name] ?? '') !== '').length;
  return ok({ check: 'options', subject: 'options' }, `${set} variables set, all of them usable`);
}

/** What is wrong with a list of redirect URIs, in the words of the library. */
function listFault(option: OptionName, options: EnvReading['options'], callbackPath: string): string | undefined {
  const value = own(options, option);
  const isList = option === 'redirectUri' && (Array.isArray(value) || /[,;]/u.test(String(value)));
  const fault = isList ? OPTIONS.redirectUri.advice(value, { callbackPath }) : undefined;
  return fault?.replace(callbackPath, () => shownCallbackPath(callbackPath));
}

type Explanation = readonly [text: string, cure: string];

/** A variable that cannot be used. */
interface FaultyVariable {
  readonly name: string;
  /** As given; empty: not set. Nothing of it is shown. */
  readonly value: string;
  readonly callbackPath: string;
  /** What the option must be, in the library's words. */
  readonly expected: string;
  /** What is wrong with one of several values. */
  readonly list: string | undefined;
}

/** Says what is wrong with a variable and what to do: precisely for the usual mistakes, else by the option's own rule. */
function variableFault(variable: FaultyVariable): Explanation {
  const { name, value, expected } = variable;
  if (value === '') return ['is not set', `Set ${name}: ${expected}.`];
  if (value.trim() !== value) {
    return [
      'has whitespace or a newline around it',
      `Set ${name} again without them; look for a newline that was pasted along.`,
    ];
  }
  if (isQuoted(value)) {
    return ['has its quotes as a part of it', `Set ${name} without them; Docker's --env-file keeps them, for one.`];
  }
  if (variable.list !== undefined) return ['has a list that cannot be used', `In ${name}, ${variable.list}.`];
  const byUrl = /_UR[IL]$/u.test(name) ? urlFault(variable) : undefined;
  return byUrl ?? ['has a value that cannot be used', `Set ${name} to ${expected}.`];
}

/** A server listens there; nobody can be sent there. */
const ANY_ADDRESS = /^(?:0\.0\.0\.0|\[::\])$/u;

function urlFault({ name, value, callbackPath }: FaultyVariable): Explanation | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:\/\//iu.test(value)) {
    return ['is not an absolute URL', `Write ${name} whole, with https:// and the host.`];
  }
  if (url.username !== '' || url.password !== '')
    return ['holds a user name or password', `Remove what stands before the @ in ${name}.`];
  if (value.includes('#')) return ['has a fragment', `Remove the # and what follows from ${name}.`];
  if (ANY_ADDRESS.test(url.hostname)) {
    return [
      `names ${url.hostname}, which is for listening on every address`,
      'Write the host that it is reached by instead, for development localhost.',
    ];
  }
  const isRedirect = name === 'CONNECT_REDIRECT_URI';
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    const registered = isRedirect ? ', and register exactly that with the provider' : '';
    return ['is http on a public host', `Write it with https://${registered}; http is for localhost only.`];
  }
  if (!isRedirect || comparable(url.pathname).endsWith(comparable(callbackPath))) return undefined;
  return [
    `has a path that does not end with ${shownCallbackPath(callbackPath)}`,
    `Set and register one that does, or give connectAuth() the option callbackPath (and doctor --callback-path).`,
  ];
}

/**
 * Judges how an app will read a .env file, beside what its variables say. Pure.
 * @param environment - of this process: what is set there, an app's loader leaves as it is
 */
export function judgeFile({ env, cut }: EnvFile, environment: Env): readonly Finding[] {
  return VARIABLES.filter(({ name }) => env[name] !== undefined).flatMap(({ name }) => {
    const about = variableNamed(name);
    const isOverridden = environment[name] !== undefined && environment[name] !== env[name];
    return [
      ...(cut.includes(name)
        ? [
            warn(
              about,
              'ends at a #: behind it the file has a comment',
              'If the # belongs to the value, put the value in quotes.',
            ),
          ]
        : []),
      ...(isOverridden
        ? [
            warn(
              about,
              'has another value in the environment, which wins over a file',
              'Remove one of the two; without --env-file doctor looks at the environment.',
            ),
          ]
        : []),
    ];
  });
}

/** Where the app answers, as browsers see it. */
export interface Mounting {
  readonly redirectUri: string;
  readonly callbackPath: string;
  /** Public paths at which connectAuth() is mounted; none: not known. */
  readonly mounts: readonly string[];
}

/** Compares the redirect URI with the paths that the app answers at. `redirectUri` must end with `callbackPath`. */
export function judgeMount({ redirectUri, callbackPath, mounts }: Mounting): Finding {
  const about = { check: 'mount', subject: 'redirect URI' } as const;
  const { pathname, origin, protocol } = new URL(redirectUri);
  const prefix = pathname.replace(/\/+$/u, '').slice(0, -comparable(callbackPath).length) || '/';
  const end = shownCallbackPath(callbackPath);
  const place = prefix === '/' ? '/' : `the path of CONNECT_REDIRECT_URI less ${end}`;
  if (mounts.length > 0 && !mounts.some((mount) => comparable(mount) === comparable(prefix))) {
    return fail(
      about,
      'leads to another path than the app answers at',
      `Mount with app.use() at ${place}, or register and set a redirect URI with the path of a --mount and then ${end}.`,
    );
  }
  const where =
    mounts.length === 0 ? `expects connectAuth() to be mounted at ${place}` : 'is answered by one of the mounts';
  // A browser keeps cookies by host name, so `localhost` and `127.0.0.1` are two sites.
  const development = protocol === 'http:' ? `; visit the site as ${origin}, for development only` : '';
  return ok(about, `${where}${development}`);
}

/** Express takes a path in either case, with a slash at its end or without. */
function comparable(path: string): string {
  return path.toLowerCase().replace(/\/+$/u, '');
}

/** The default as it is; of one of the app's own the text stays out. */
function shownCallbackPath(path: string): string {
  return path === OPTIONS.callbackPath.default ? path : 'your callback path';
}
