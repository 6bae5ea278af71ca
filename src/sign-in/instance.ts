import type { Config } from '../options/read';
import type { SignInParts } from './parts';

/**
 * The name of an instance binds states to it. One with several redirect URIs goes by the path that they share, so that
 * their list may change; the name of before a change from one to several, or back, is known as well.
 */
export function instanceNames(
  config: Pick<Config, 'clientId' | 'redirectUris' | 'tokenUrl'>,
): Pick<SignInParts, 'instance' | 'formerInstances'> {
  const nameBy = (place: string): string => JSON.stringify([config.clientId, place, config.tokenUrl]);
  const byUri = config.redirectUris.map(nameBy);
  const byPath = nameBy(new URL(config.redirectUris[0]).pathname);
  return config.redirectUris.length === 1
    ? { instance: byUri.join(), formerInstances: [byPath] }
    : { instance: byPath, formerInstances: byUri };
}
