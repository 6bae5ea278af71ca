/** A JSON object, or a form's fields: read it with {@link own} only. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a parsed value is an object with named members, that is, neither a list nor a scalar. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A copy without a prototype: a member that is missing is not found on a polluted `Object.prototype`, however it is
 * read, destructuring and `for` … `in` included.
 */
export function ownOnly<Whole extends object>(whole: Whole): Whole {
  return Object.assign<Whole, Whole>(Object.create(null) as Whole, whole);
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
