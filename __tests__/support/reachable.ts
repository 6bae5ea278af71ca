import { inspect } from 'node:util';

/** Takes a value to be searched under a name. */
export type Sink = (sink: string, value: unknown) => void;

/** The language's own objects hold nothing of ours, and lead everywhere. */
const BUILT_IN = [Object, Function, Error, TypeError, Array, Promise].flatMap((one): unknown[] => [one, one.prototype]);

/** Every string that can be reached from a value, non-enumerable, inherited and symbol keys included. */
export function reachable(value: unknown, seen = new Set<unknown>(BUILT_IN)): string {
  if (typeof value === 'string') return value;
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return '';
  seen.add(value);
  const parts = Reflect.ownKeys(value).map((key) => {
    const own = Object.getOwnPropertyDescriptor(value, key);
    return `${String(key)} ${reachable(own?.value, seen)}`;
  });
  return [...parts, reachable(Object.getPrototypeOf(value), seen)].join('\n');
}

/** Hands on every text that an app could make of a value. */
export function dumped(see: (sink: string, text: string) => void, sink: string, value: unknown): void {
  see(`${sink}: inspect`, inspect(value, { showHidden: true, depth: 10 }));
  // In a list, because a function alone has no JSON.
  see(`${sink}: JSON`, JSON.stringify([value]));
  see(`${sink}: stack`, String((value as Error | undefined)?.stack));
  see(`${sink}: reachable`, reachable(value));
}
