/** A JSON object, or a form's fields: read it with {@link own} only. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a parsed value is an object with named members, that is, neither a list nor a scalar. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The member's value if the object has it itself; what a prototype holds, polluted or not, is no answer. */
export function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}
