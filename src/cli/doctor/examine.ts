import type { Config } from '../../options/read';
import { basicCredentials } from '../../provider/token/token-request';
import { nodeTransport } from '../../provider/http/transport';
import type { Env } from '../command';
import type { Progress } from '../terminal';
import { judgeFile, judgeMount, judgeOptions } from './configuration-findings';
import type { EnvFile } from './env-file';
import { skip, type Finding } from './finding';
import { judgeClock, judgeConnection, judgeName, judgeProxy, type Target } from './network-findings';
import { MOST_TRIES, probe } from './probe';
import { connectTo, lookUp } from './reach';
import { judgeProbe } from './token-endpoint-findings';

/** What to look at. */
export interface Examination {
  /** Where the variables are, if not in the environment. */
  readonly file: EnvFile | undefined;
  /** Of this process. */
  readonly environment: Env;
  readonly callbackPath: string;
  /** Public paths at which connectAuth() is mounted; none: not known. */
  readonly mounts: readonly string[];
  readonly offline: boolean;
}

/** Milliseconds for each step where the configuration is not usable; as the option's default. */
const DEFAULT_TIMEOUT_MS = 10_000;

/** Looks at everything in turn: what cannot work without an earlier part is passed over, and that is said. */
export async function examine(what: Examination, progress: Progress): Promise<readonly Finding[]> {
  const { callbackPath, mounts, file, environment, offline } = what;
  const { findings, config, tokenUrl, authorizeUrl } = judgeOptions(file?.env ?? environment, callbackPath);
  const mount = present(config?.redirectUris[0]).map((redirectUri) =>
    judgeMount({ redirectUri, callbackPath, mounts }),
  );
  const reading = file === undefined ? [] : judgeFile(file, environment);
  const configuration = [...reading, ...findings, ...mount];
  if (offline) return [...configuration, skip({ check: 'dns', subject: 'network' }, 'not looked at (--offline)')];
  const timeoutMs = config?.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const authorizeHost = await examineAuthorizeHost(authorizeUrl, tokenUrl, timeoutMs, progress);
  const tokenHost = await examineTokenHost(tokenUrl, timeoutMs, progress);
  const proxy = tokenUrl === undefined ? undefined : judgeProxy(environment, tokenUrl, tokenHost);
  const endpoint = await examineEndpoint(config, tokenHost, progress);
  progress.clear();
  return [...configuration, ...authorizeHost, ...tokenHost, ...present(proxy), ...endpoint];
}

/** Only the visitor's browser goes there, so here it is enough that the name exists. */
async function examineAuthorizeHost(
  authorizeUrl: string | undefined,
  tokenUrl: string | undefined,
  timeoutMs: number,
  progress: Progress,
): Promise<readonly Finding[]> {
  if (authorizeUrl === undefined || (tokenUrl !== undefined && new URL(authorizeUrl).host === new URL(tokenUrl).host))
    return [];
  return present(await examineName({ url: authorizeUrl, variable: 'CONNECT_AUTHORIZE_URL' }, timeoutMs, progress));
}

async function examineTokenHost(
  url: string | undefined,
  timeoutMs: number,
  progress: Progress,
): Promise<readonly Finding[]> {
  if (url === undefined) return [];
  const target: Target = { url, variable: 'CONNECT_TOKEN_URL' };
  const name = await examineName(target, timeoutMs, progress);
  if (name?.verdict === 'fail') return [name];
  progress.say(`Connecting to ${new URL(url).host}`);
  return [...present(name), judgeConnection(target, await connectTo(url, timeoutMs), Date.now())];
}

async function examineName(target: Target, timeoutMs: number, progress: Progress): Promise<Finding | undefined> {
  const { hostname } = new URL(target.url);
  progress.say(`Looking up ${hostname}`);
  return judgeName(target, await lookUp(hostname, timeoutMs));
}

async function examineEndpoint(
  config: Config | undefined,
  network: readonly Finding[],
  progress: Progress,
): Promise<readonly Finding[]> {
  const about = { check: 'token-endpoint', subject: 'endpoint' } as const;
  if (config === undefined) return [skip(about, 'not asked until the configuration is corrected')];
  if (network.some(({ verdict }) => verdict === 'fail')) return [skip(about, 'not asked until the network works')];
  const { tokenUrl, timeoutMs, clientSecret, accessTokenKey } = config;
  const result = await probe(config, nodeTransport({ timeoutMs }), (number) => {
    progress.say(`Asking the token endpoint with made-up codes (${number} of at most ${MOST_TRIES})`);
  });
  const secrets = [clientSecret, basicCredentials(config), ...present(accessTokenKey)];
  const clock = result.clock === undefined ? undefined : judgeClock(result.clock);
  return [...present(clock), ...judgeProbe(result, { tokenUrl, secrets })];
}

function present<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}
