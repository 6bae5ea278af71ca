import { ConnectError } from '../errors/connect-error';
import type { Config } from '../options/read';
import { errorFromCallback } from '../provider/errors/callback-error';
import { readCallbackQuery, type Parameter } from '../web/query';

/** The authorization response, judged as far as it can be without the session. */
export type Answer = CodeAnswer | Refusal;

/** A code without anything that speaks against it. */
export interface CodeAnswer {
  /** Undefined where the server returns none. */
  readonly state: string | undefined;
  readonly code: string;
}

/** An error response, or one with unusable parameters or from a foreign issuer. */
export interface Refusal {
  readonly state: string | undefined;
  readonly code: undefined;
  /** The error to fail with, once the state is known to be this visitor's. */
  readonly error: ConnectError;
}

/** Options that reading a callback needs. */
export type AnswerConfig = Pick<Config, 'issuer' | 'statusByApiCode'>;

/**
 * Reads the authorization response (RFC 6749 §4.1.2) from a callback's URL.
 * @throws ConnectError `ERR_CONNECT_CALLBACK` when the URL has no state, code or error, or its state is malformed
 */
export function readAnswer(originalUrl: string, config: AnswerConfig): Answer {
  const query = readCallbackQuery(originalUrl);
  if (query.state.kind === 'bad') throw callbackError('state', query.state.fault);
  if (query.state.kind === 'absent' && query.code.kind === 'absent' && query.error.kind === 'absent') {
    throw callbackError('empty');
  }
  const state = valueOf(query.state);
  // Checked before the answer, even an error, is believed (RFC 9207 §2.4). An answer without `iss` is accepted: the
  // provider does not document whether it always sends it.
  const isForeign = config.issuer !== undefined && query.iss.kind !== 'absent' && valueOf(query.iss) !== config.issuer;
  if (isForeign) return { state, code: undefined, error: callbackError('issuer') };
  const [code, refusal] = [valueOf(query.code), valueOf(query.error)];
  if (query.error.kind === 'absent' && code !== undefined) return { state, code };
  if (refusal !== undefined && query.code.kind === 'absent') {
    return { state, code: undefined, error: errorFromCallback(refusal, config.statusByApiCode) };
  }
  const error = callbackError('parameters', faultOf(query.code) ?? faultOf(query.error));
  return { state, code: undefined, error };
}

function valueOf(parameter: Parameter): string | undefined {
  return parameter.kind === 'value' ? parameter.value : undefined;
}

function faultOf(parameter: Parameter): string | undefined {
  return parameter.kind === 'bad' ? parameter.fault : undefined;
}

function callbackError(reason: 'state' | 'empty' | 'parameters' | 'issuer', message?: string): ConnectError {
  return new ConnectError('ERR_CONNECT_CALLBACK', {
    stage: 'callback',
    reason,
    ...(message === undefined ? {} : { message }),
  });
}
