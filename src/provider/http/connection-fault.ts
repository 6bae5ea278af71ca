import { ConnectError, type ConnectStage } from '../../errors/connect-error';
import type { TransportFault } from './wire';

type Option = 'tokenUrl' | 'apiBaseUrl';

const MESSAGES = {
  unreachable: (option: Option) =>
    `No connection to ${option}: check the address, name resolution, firewall, proxy (option agent) and certificate.`,
  plain: (option: Option) =>
    `The agent makes connections without TLS, but ${option} is https: pass connectAuth() an agent of https-proxy-agent, ` +
    'not of http-proxy-agent.',
  broken: (option: Option) =>
    `The connection to ${option} ended before the answer was complete` +
    (option === 'apiBaseUrl' ? '; the call may have been carried out.' : '.'),
};

/** The error of a call without an answer. @param option - which server it was for */
export function faultError(
  fault: Exclude<TransportFault, 'aborted'>,
  stage: ConnectStage,
  option: Option,
): ConnectError {
  if (fault === 'timeout') return new ConnectError('ERR_CONNECT_TIMEOUT', { stage });
  const reason = fault === 'broken' ? 'broken' : 'unreachable';
  return new ConnectError('ERR_CONNECT_UNAVAILABLE', { stage, reason, message: MESSAGES[fault](option) });
}
