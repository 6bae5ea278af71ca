import { parseArgs } from 'node:util';
import { didYouMean } from '../checks/nearest';

/** A flag takes a value, a list of them (given several times), or none. */
export type FlagKind = 'value' | 'list' | 'switch';

/** The flags as given; a name that was not given is absent. */
export interface Flags {
  readonly values: ReadonlyMap<string, string>;
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly switches: ReadonlySet<string>;
}

/** The flags, or what is wrong with them, fit to print. */
export type ReadFlags = { readonly flags: Flags } | { readonly misuse: string };

/**
 * Reads the arguments of a command. Not by the strict mode of `parseArgs`: its messages neither name the flag that was
 * meant nor keep to one line.
 */
export function readFlags(args: readonly string[], known: Readonly<Record<string, FlagKind>>): ReadFlags {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, kind]) => [
      name,
      { type: kind === 'switch' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const values = new Map<string, string>();
  const lists = new Map<string, string[]>();
  const switches = new Set<string>();
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional')
      return { misuse: 'This command takes flags only, and one argument belongs to none.' };
    const { name, rawName, value, inlineValue } = token;
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) return { misuse: unknownFlag(rawName, known) };
    if (kind === 'switch') {
      if (value !== undefined) return { misuse: `${rawName} takes no value.` };
      switches.add(name);
    } else if (value === undefined || value === '' || (!inlineValue && value.startsWith('-'))) {
      return { misuse: `${rawName} needs a value.` };
    } else if (kind === 'list') {
      lists.set(name, [...(lists.get(name) ?? []), value]);
    } else {
      values.set(name, value);
    }
  }
  return { flags: { values, lists, switches } };
}

/** Neither an unknown flag nor a value is repeated: somebody may have written a secret there. */
function unknownFlag(rawName: string, known: Readonly<Record<string, FlagKind>>): string {
  const names = Object.keys(known).map((name) => `--${name}`);
  return `There is no such flag.${didYouMean(rawName, names)}`;
}
