import type { TransportFault } from './send-once';

type Option = 'tokenUrl' | 'apiBaseUrl';

const MESSAGES = {
  unreachable: (option: Option) =>
    `No connection to ${option}: check the address, name resolution, firewall, proxy (option agent) and certificate.`,
  plain: (option: Option) =>
    `The agent makes connections without TLS, and ${option} is https: give connectAuth() an agent of https-proxy-agent, ` +
    'not of http-proxy-agent.',
  broken: (option: Option) =>
    `The connection to ${option} ended before the answer was complete` +
    (option === 'apiBaseUrl' ? '; the call may have been carried out.' : '.'),
};

/** What `ERR_CONNECT_UNAVAILABLE` says of a call that got no answer. */
export function connectionFault(
  fault: Exclude<TransportFault, 'timeout' | 'aborted'>,
  option: Option,
): { readonly reason: 'unreachable' | 'broken'; readonly message: string } {
  return { reason: fault === 'broken' ? 'broken' : 'unreachable', message: MESSAGES[fault](option) };
}
