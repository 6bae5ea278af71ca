import { shownCallbackPath } from './callback-path';
import type { Finding } from './finding';

/** Where the app answers, as browsers see it. */
export interface Mounting {
  readonly redirectUri: string;
  readonly callbackPath: string;
  /** Public paths at which connectAuth() is mounted; none: not told. */
  readonly mounts: readonly string[];
}

/** Compares the redirect URI with the paths that the app answers at. `redirectUri` must end with `callbackPath`. */
export function judgeMount({ redirectUri, callbackPath, mounts }: Mounting): Finding {
  const { pathname, origin, protocol } = new URL(redirectUri);
  const prefix = trimmed(pathname).slice(0, -trimmed(callbackPath).length) || '/';
  const about = { check: 'mount', subject: 'redirect URI' } as const;
  const end = shownCallbackPath(callbackPath);
  const place = prefix === '/' ? '/' : `the path of CONNECT_REDIRECT_URI less ${end}`;
  const same = (mount: string): boolean => trimmed(mount).toLowerCase() === trimmed(prefix).toLowerCase();
  const [told] = mounts;
  if (told !== undefined && !mounts.some(same)) {
    return {
      ...about,
      verdict: 'fail',
      text: 'leads to another path than the app answers at',
      cure: `Mount with app.use() at ${place}, or register and set a redirect URI with the path of a --mount and then ${end}.`,
    };
  }
  const where =
    told === undefined ? `expects connectAuth() to be mounted at ${place}` : 'is answered by one of the mounts';
  return { ...about, verdict: 'ok', text: `${where}${development(protocol, origin)}` };
}

/** A browser keeps cookies by host name, so `localhost` and `127.0.0.1` are two sites. */
function development(protocol: string, origin: string): string {
  return protocol === 'http:' ? `; visit the site as ${origin}, for development only` : '';
}

function trimmed(path: string): string {
  return path.replace(/\/+$/u, '');
}
