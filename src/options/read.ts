import Joi from 'joi';
import { isRequest } from '../checks/given-request';
import { givenOf, refuse, type Row } from '../checks/table';
import { ConnectError } from '../errors/connect-error';
import { own, ownOnly } from '../base/own';
import { SILENCE } from '../errors/emit';
import { safeReturnTo } from '../web/return-to';
import { publicPaths, publicPrefix, relationFaults } from './relations';
import { OPTIONS, OPTION_NAMES, type OptionValues } from './table';

/** The validated options, with defaults, frozen. */
export interface Config extends Omit<OptionValues, 'redirectUri'> {
  /** At least one; the first is for requests whose host none of them has. */
  readonly redirectUris: readonly [string, ...string[]];
  /** Where a visitor starts to sign in, as browsers see it; undefined when that route is not mounted. */
  readonly loginUrl?: string | undefined;
  /** The part of the routes' public paths that precedes the paths in the options. */
  readonly publicPrefix: string;
  /** The package's own routes as browsers see them. */
  readonly ownPaths: readonly string[];
}

/** What Joi gets in place of a value that its row cannot use. */
const UNUSABLE = Symbol('unusable');

const schema = Joi.object(Object.fromEntries(OPTION_NAMES.map((name) => [name, schemaOf(OPTIONS[name])]))).required();

/** Joi's own messages contain values: only the names are ever read from them. */
function schemaOf(row: Row): Joi.Schema {
  const any = Joi.any().invalid(UNUSABLE);
  return own(row, 'isRequired') === true ? any.required() : any;
}

const FUNCTION =
  'connectAuth() got a function instead of options: call it, as in connectAuth(connectOptionsFromEnv()).';
const UNCALLED = 'connectAuth was passed to app.use() without being called: write app.use(connectAuth({ … })).';

/**
 * Validates the options of `connectAuth()` and gives a frozen copy with defaults.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every bad option, never a value
 */
export function readOptions(options: unknown): Config {
  if (isRequest(options)) throw new ConnectError('ERR_CONNECT_OPTIONS', { stage: 'options', message: UNCALLED });
  if (typeof options === 'function')
    throw new ConnectError('ERR_CONNECT_OPTIONS', { stage: 'options', message: FUNCTION });
  const given = givenOf(typeof options === 'object' && !Array.isArray(options) ? options : undefined);
  // Read once, because a member may be a getter; Joi's copy is not used, because a polluted Object.prototype changes it.
  const read = readEach(given);
  const result = schema.validate(read, { abortEarly: false, convert: false });
  const bad = (result.error?.details ?? []).map((fault) => String(fault.path[0]));
  // Joi's copy of the object has it as prototype.
  if (Object.hasOwn(given, '__proto__')) bad.push('__proto__');
  const values = withDefaults(bad.length === 0 ? read : given);
  bad.push(...relationFaults(values, new Set(bad)));
  if (bad.length > 0) refuse('connectAuth', OPTIONS, bad, given);
  return complete(values);
}

/** Each value as it is used; names that are not options stay, so that they are refused. */
function readEach(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return ownOnly(
    Object.fromEntries(
      Object.entries(given).map(([name, value]) => {
        const row = own(OPTIONS, name) as Row | undefined;
        return [name, row === undefined ? value : (row.read(value) ?? UNUSABLE)];
      }),
    ),
  );
}

/**
 * Every option as an own member, undefined where it has no value: no later reader finds one on a polluted prototype.
 */
export function withDefaults(values: object): OptionValues {
  const entries = OPTION_NAMES.map((name) => [name, own(values, name) ?? own(OPTIONS[name], 'default')] as const);
  return Object.fromEntries(entries) as unknown as OptionValues;
}

function complete(values: OptionValues): Config {
  const ownPaths = Object.freeze(publicPaths(values));
  const { redirectUri: redirectUris, ...others } = values;
  const { authorizePath, allowedOrigins, silent } = values;
  const prefix = publicPrefix(values);
  const sitePath = (path: string): string => safeReturnTo(path, { ownPaths, allowedOrigins }) ?? '/';
  return Object.freeze({
    ...others,
    redirectUris,
    // Without a listener, failures are written to stderr.
    onEvent: values.onEvent ?? (silent ? SILENCE : undefined),
    ownPaths,
    loginUrl: authorizePath === false ? undefined : prefix + authorizePath,
    publicPrefix: prefix,
    afterConnect: sitePath(values.afterConnect),
    afterDisconnect: sitePath(values.afterDisconnect),
    homeUrl: values.homeUrl === undefined ? undefined : sitePath(values.homeUrl),
  });
}
