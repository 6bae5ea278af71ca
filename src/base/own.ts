/** A JSON object, or a form's fields: read it with {@link own} only. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a parsed value is an object with named members, that is, neither a list nor a scalar. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Makes objects that inherit from an empty one, and that from nothing. V8 makes and reads them at half the cost of those
 * of `Object.create(null)`, which it keeps as hash tables.
 */
const Bare = function bare() {
  // Members are added by those who make one.
} as unknown as new () => object;
Bare.prototype = Object.freeze(Object.create(null) as object);

/** An empty object in which nothing is found that was not put there, whatever has been done to `Object.prototype`. */
export function bare<Whole extends object>(): Partial<Whole> {
  return new Bare();
}

/**
 * A copy without the members of `Object.prototype`: one that is missing is not found on a polluted one, however it is
 * read, destructuring and `for` … `in` included.
 */
export function ownOnly<Whole extends object>(whole: Whole): Whole {
  return Object.assign(new Bare(), whole);
}

/** The member's value if the object has it itself; what a prototype holds, polluted or not, does not count. */
export function own(fields: object, name: string): unknown {
  return Object.hasOwn(fields, name) ? (fields as Fields)[name] : undefined;
}

/** As {@link own}, without running any code of the object: a getter counts as absent. */
export function ownData(fields: object, name: string): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(fields, name);
  return descriptor === undefined ? undefined : own(descriptor, 'value');
}
