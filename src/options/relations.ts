import type * as http from 'node:http';
import type { ConnectionStore } from '../connections/connection-store';
import { isMemoryConnections } from '../connections/memory-connections';
import type { RefreshLedger } from '../ledger/ledger';
import type { KeyRing } from '../session/seal';
import { safeReturnTo } from '../web/return-to';
import { prefixIn, redirectUriFault, samePath } from './redirect-uris';

/** Where the package's routes are. */
export interface Places {
  /** One for each host. */
  readonly redirectUri: string | readonly string[];
  readonly callbackPath: string | false;
  readonly authorizePath: string | false;
  readonly disconnectPath: string | false;
}

/** Options that have to fit each other. */
export interface Related extends Places {
  readonly agent?: http.Agent | undefined;
  readonly connections?: ConnectionStore | undefined;
  readonly ledger?: RefreshLedger | undefined;
  readonly encryptionKeys?: KeyRing | undefined;
  readonly tokenUrl: string;
  readonly apiBaseUrl: string;
  readonly allowedOrigins: readonly string[];
  readonly afterConnect: string;
  readonly afterDisconnect: string;
  readonly homeUrl?: string | undefined;
}

const listed = (redirectUri: Places['redirectUri']): readonly string[] => [redirectUri].flat();

/** The path at which the provider sends browsers back, on whatever host. */
function callbackPathname({ redirectUri }: Pick<Places, 'redirectUri'>): string {
  return new URL(String(listed(redirectUri)[0])).pathname;
}

/** Options, defaults included, that do not fit each other; those that are faulty by themselves are not compared. */
export function relationFaults(config: Related, bad: ReadonlySet<string>): string[] {
  const faults: string[] = [];
  const sound = (...names: string[]): boolean => names.every((name) => !bad.has(name) && !faults.includes(name));
  const { redirectUri, callbackPath, authorizePath, disconnectPath } = config;
  if (sound('redirectUri', 'callbackPath') && redirectUriFault(listed(redirectUri), callbackPath) !== undefined)
    faults.push('redirectUri');
  if (
    sound('authorizePath', 'callbackPath') &&
    authorizePath !== false &&
    callbackPath !== false &&
    samePath(authorizePath) === samePath(callbackPath)
  )
    faults.push('authorizePath');
  if (
    sound('disconnectPath', 'authorizePath', 'callbackPath') &&
    disconnectPath !== false &&
    [authorizePath, callbackPath].some((other) => other !== false && samePath(other) === samePath(disconnectPath))
  ) {
    faults.push('disconnectPath');
  }
  if (config.agent !== undefined) {
    const { agent, tokenUrl, apiBaseUrl } = config;
    const misfit = (name: string, url: string): boolean => sound('agent', name) && !agentFits(agent, url);
    if (misfit('tokenUrl', tokenUrl) || misfit('apiBaseUrl', apiBaseUrl)) faults.push('agent');
  }
  const { connections, ledger, encryptionKeys } = config;
  if (connections !== undefined && sound('connections', 'ledger', 'encryptionKeys')) {
    if (ledger === undefined && !isMemoryConnections(connections)) faults.push('ledger');
    if (encryptionKeys === undefined && connections.encryptionKeys === undefined) faults.push('encryptionKeys');
  }
  const located = sound('redirectUri', 'callbackPath', 'authorizePath', 'disconnectPath');
  const ownPaths = located ? publicPaths({ redirectUri, callbackPath, authorizePath, disconnectPath }) : [];
  const allowedOrigins = sound('allowedOrigins') ? config.allowedOrigins : undefined;
  for (const name of ['afterConnect', 'afterDisconnect', 'homeUrl'] as const) {
    const path = config[name];
    if (path !== undefined && sound(name) && safeReturnTo(path, { ownPaths, allowedOrigins }) === undefined)
      faults.push(name);
  }
  return faults;
}

/**
 * Node refuses an agent of the other protocol at each request; this reports it at start-up instead. Agents for proxies
 * have a getter for their protocol that is right only during a request: they are not judged here.
 */
function agentFits(agent: http.Agent, url: string): boolean {
  const protocol = Object.getOwnPropertyDescriptor(agent, 'protocol')?.value as unknown;
  return typeof protocol !== 'string' || protocol === new URL(url).protocol;
}

/** The public prefix of the routes: the path of redirectUri without callbackPath. */
export function publicPrefix(config: Pick<Places, 'redirectUri' | 'callbackPath'>): string {
  if (config.callbackPath === false) return '';
  return prefixIn(callbackPathname(config), config.callbackPath);
}

/** Paths of the package's own routes as browsers see them. */
export function publicPaths(config: Places): readonly string[] {
  const paths = [callbackPathname(config)];
  for (const path of [config.authorizePath, config.disconnectPath])
    if (path !== false) paths.push(publicPrefix(config) + path);
  return paths;
}
