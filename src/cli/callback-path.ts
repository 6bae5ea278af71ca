/** The option's default. */
export const DEFAULT_CALLBACK_PATH = '/connect/callback';

/** How a report names the callback path: the default as it is, one of the app's own without its text. */
export function shownCallbackPath(path: string): string {
  return path === DEFAULT_CALLBACK_PATH ? path : 'your callback path';
}
