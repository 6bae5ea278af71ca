/**
 * What a hook of the app returns: anything, and a promise is awaited. Not `unknown`: a hook that returns
 * `new Promise((resolve) => …)` may still call `resolve()` without a value.
 */
export type Anything = void | Promise<void> | NonNullable<unknown> | null | undefined;
