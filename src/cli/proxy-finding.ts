import type { Env } from './env-file';
import type { Finding } from './finding';

/**
 * Names the proxy that this machine goes out by, where the host of `url` could not be reached: a reason that no single
 * check can see. Pure.
 * @param network - what came of looking that host up and connecting to it
 */
export function judgeProxy(environment: Env, url: string, network: readonly Finding[]): Finding | undefined {
  const name = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].find((one) => (environment[one] ?? '') !== '');
  const isCutOff = network.some(({ check, verdict }) => verdict === 'fail' && check !== 'tls');
  if (name === undefined || !isCutOff || isReachedDirectly(environment, new URL(url))) return undefined;
  return {
    check: 'connection',
    subject: 'proxy',
    verdict: 'warn',
    text: `${name} is set, and sign-in goes by a proxy only with the option agent`,
    cure: 'If there is no other way out, give connectAuth() an agent for that proxy. Doctor cannot look through one.',
  };
}

/** http is for this machine only; NO_PROXY lists hosts, with all below them, in the usual spellings. */
function isReachedDirectly(environment: Env, { protocol, hostname }: URL): boolean {
  const listed = `${environment['NO_PROXY'] ?? ''},${environment['no_proxy'] ?? ''}`.split(/[,\s]+/u);
  const spared = listed.map((host) => host.replace(/^\*?\.|:\d+$/gu, '')).filter((host) => host !== '');
  return (
    protocol === 'http:' || spared.some((host) => host === '*' || host === hostname || hostname.endsWith(`.${host}`))
  );
}
