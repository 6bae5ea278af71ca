/** Whether a request may be for one of some paths: true for all that Express would match, and for few others. */
export type PathFilter = (url: string) => boolean;

/**
 * Finds out by one comparison what a router finds out layer by layer. Express matches in any case, with or without a slash
 * at the end; a proxy may send a whole URL.
 * @param paths - without patterns; false: none
 */
export function pathFilter(paths: readonly (string | false)[]): PathFilter {
  const endings = paths.filter((path) => path !== false).map(comparable);
  return function mayMatch(url) {
    const end = url.search(/[?#]/u);
    const path = comparable(end === -1 ? url : url.slice(0, end));
    // Node's parser of URLs, which Express asks in rare cases, takes it for a slash.
    return path.includes('\\') || endings.some((ending) => path.endsWith(ending));
  };
}

function comparable(path: string): string {
  const lower = path.toLowerCase();
  return lower.endsWith('/') ? lower.slice(0, -1) : lower;
}
