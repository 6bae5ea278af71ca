/**
 * What a hook of the app returns: anything, and a promise is awaited. Not `unknown`: a hook that returns
 * `new Promise((resolve) => …)` may still call `resolve()` without a value.
 */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type, @typescript-eslint/no-generated-empty-object-type -- anything
export type Anything = void | Promise<void> | NonNullable<unknown> | null | undefined;
