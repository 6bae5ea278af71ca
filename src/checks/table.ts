import { ConnectError } from '../errors/connect-error';
import { own, ownOnly } from '../base/own';
import { nearest } from './nearest';

/** Everything about one option. */
export interface Row<Value = unknown> {
  /**
   * Gives the value in the form in which it is used, copied where others could change it; undefined if it is not
   * usable.
   */
  readonly read: (value: unknown) => Value | undefined;
  /** What a usable value is, for messages. No value ever enters one. */
  readonly expected: string;
  /** More precise than `expected`: what to do about this value, given those of the other options. */
  readonly advice?: (value: unknown, given: Readonly<Record<string, unknown>>) => string | undefined;
  /** What other packages call it. */
  readonly elsewhere?: readonly string[];
  /** @defaultValue none: an option that is left out has no value */
  readonly default?: Value;
  readonly isRequired?: true;
}

/** The options of one function, by name. */
export type Table = Readonly<Record<string, Row>>;

/** What reading a table gives: each option, undefined where there is neither a value nor a default. */
export type Read<Options extends Table> = {
  readonly [Name in keyof Options as Options[Name] extends Given ? Name : never]: ValueOf<Options[Name]>;
} & {
  readonly [Name in keyof Options as Options[Name] extends Given ? never : Name]?: ValueOf<Options[Name]> | undefined;
};
/** Rows that always have a value. */
type Given = { readonly isRequired: true } | { readonly default: unknown };
type ValueOf<Option extends Row> = Exclude<ReturnType<Option['read']>, undefined>;

/** Makes a reader of values that are used as they are. */
export function only<Value>(isUsable: (value: unknown) => value is Value): (value: unknown) => Value | undefined {
  return (value) => (isUsable(value) ? value : undefined);
}

/** Makes a reader of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): (value: unknown) => Word | undefined {
  return (value) => words.find((word) => word === value);
}

/** An app's options as they were given: an explicit undefined means "not given", and inherited members do not count. */
export function givenOf(options: object | null | undefined): Readonly<Record<string, unknown>> {
  return ownOnly(Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)));
}

/**
 * Reads the options of a small function.
 * @param who - name of the function, for the message
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable, never a value
 */
export function readTable<Options extends Table>(
  who: string,
  table: Options,
  options: object | null | undefined,
): Read<Options> {
  const given = givenOf(options);
  const values = Object.entries(table).map(([name, row]) => [name, valueOf(row, own(given, name))] as const);
  const wanted = Object.entries(table).filter(
    ([name, row]) => Object.hasOwn(given, name) || own(row, 'isRequired') === true,
  );
  const missing = new Set(values.filter(([, value]) => value === undefined).map(([name]) => name));
  const bad = [
    ...wanted.map(([name]) => name).filter((name) => missing.has(name)),
    ...Object.keys(given).filter((name) => !Object.hasOwn(table, name)),
  ];
  if (bad.length > 0) refuse(who, table, bad, given);
  return Object.freeze(ownOnly(Object.fromEntries(values))) as Read<Options>;
}

function valueOf(row: Row, value: unknown): unknown {
  return value === undefined ? own(row, 'default') : row.read(value);
}

/**
 * Refuses options by name, each with its next step.
 * @throws ConnectError `ERR_CONNECT_OPTIONS`, always
 */
export function refuse(who: string, table: Table, names: Iterable<string>, given: object): never {
  const faults = Array.from(new Set(names), (name) => {
    const row = own(table, name) as Row | undefined;
    return row === undefined
      ? unknownOption(name, table)
      : `${name} (${adviceFor(row, name, given) ?? `expected ${row.expected}`})`;
  });
  throw new ConnectError('ERR_CONNECT_OPTIONS', {
    stage: 'options',
    message: `${who}() cannot use these options: ${faults.join('; ')}.`,
  });
}

function adviceFor(row: Row, name: string, given: object): string | undefined {
  return (own(row, 'advice') as Row['advice'])?.(own(given, name), given as Readonly<Record<string, unknown>>);
}

/** An unknown name comes from the app's own source; even so, only identifiers reach a log line. */
function unknownOption(name: string, table: Table): string {
  if (!/^[\w$.-]{1,64}$/u.test(name)) return 'an option whose name is not printable';
  const [ours] =
    Object.entries(table).find(([, row]) => (own(row, 'elsewhere') as Row['elsewhere'])?.includes(name)) ?? [];
  if (ours !== undefined) return `${name} (here it is ${ours})`;
  const meant = nearest(name, Object.keys(table));
  return `${name} (no such option${meant === undefined ? '' : `, did you mean ${meant}?`})`;
}
