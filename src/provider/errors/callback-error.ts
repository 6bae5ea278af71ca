import type { ConnectError } from '../../errors/connect-error';
import { errorForApiCode, errorForDenial, errorForOAuthName, type ErrorCircumstances } from './error-table';

/**
 * Translates the callback's `error` parameter (RFC 6749 §4.1.2.1), state already verified: a registered name or a
 * documented API code by the table, any other word as a denial. The form of a refusal is not documented.
 * @param error - the raw parameter; never passed on
 */
export function errorFromCallback(error: string, statusByApiCode: Readonly<Record<string, number>>): ConnectError {
  const about: ErrorCircumstances = { stage: 'callback', statusByApiCode };
  const apiCode = /^\d{3,4}$/.test(error) ? Number(error) : 0;
  return errorForOAuthName(error, about) ?? errorForApiCode(apiCode, about) ?? errorForDenial(about);
}
