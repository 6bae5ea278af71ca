import { randomBytes } from 'node:crypto';
import type { WireResult } from '../provider/http/send-once';
import { tokenRequest, type TokenRequestConfig } from '../provider/token/token-request';
import type { Transport } from '../provider/http/transport';
import type { ClockReading } from './clock-finding';
import { readOutcome } from './outcome';
import { nextTry, type Setup, type Tried, type Try } from './tries';

/** What of the configuration the probe needs. */
export interface ProbeConfig extends TokenRequestConfig {
  readonly tokenUrl: string;
}

/** What the probe saw. */
export interface ProbeResult {
  readonly setup: Setup;
  readonly tried: readonly Tried[];
  /** Of the first answer; absent where there was none. */
  readonly clock: ClockReading | undefined;
  /** The `Location` of a redirect, as received. */
  readonly location: string | undefined;
}

/**
 * Presents made-up codes to the token endpoint, one way of writing the request after the other. A made-up code can
 * spend nothing, and its refusal tells what a true one would meet: whoever says `invalid_grant` has accepted the rest.
 * @param onTry - told the number of each try, from 1, before it is made
 */
export async function probe(
  config: ProbeConfig,
  send: Transport,
  onTry: (number: number) => void,
): Promise<ProbeResult> {
  const setup: Setup = {
    placement: config.clientAuthentication,
    format: config.requestFormat,
    hasKey: config.accessTokenKey !== undefined,
  };
  const tried: Tried[] = [];
  let clock: ClockReading | undefined;
  let location: string | undefined;
  for (let way = nextTry(setup, tried); way !== undefined; way = nextTry(setup, tried)) {
    onTry(tried.length + 1);
    const sentMs = Date.now();
    const result = await present(config, way, send);
    const receivedMs = Date.now();
    tried.push({ way, outcome: readOutcome(result, receivedMs) });
    if (result.kind !== 'answer') continue;
    clock ??= { date: result.answer.headers.date, sentMs, receivedMs };
    location ??= result.answer.headers.location;
  }
  return { setup, tried, clock, location };
}

function present(config: ProbeConfig, way: Try, send: Transport): Promise<WireResult> {
  const { headers, body } = tokenRequest(
    {
      clientId: config.clientId,
      clientSecret: way.secret === 'made-up' ? madeUp() : config.clientSecret,
      redirectUri: config.redirectUri,
      accessTokenKey: way.key === 'none' ? undefined : way.key === 'made-up' ? madeUp() : config.accessTokenKey,
      clientAuthentication: way.placement,
      requestFormat: way.format,
    },
    { grant_type: 'authorization_code', code: madeUp() },
  );
  return send({ url: config.tokenUrl, method: 'POST', headers, body });
}

/** Random, so that it can be nobody's; readable, so that whoever finds it in a log knows what it was. */
function madeUp(): string {
  return `made-up-by-doctor-${randomBytes(12).toString('hex')}`;
}
