import { randomBytes } from 'node:crypto';
import type { WireResult } from '../../provider/http/wire';
import { tokenRequests, type TokenRequestConfig } from '../../provider/token/token-request';
import type { Transport } from '../../provider/http/transport';
import type { ClockReading } from './network-findings';
import { endsTrying, readOutcome, type Outcome } from './outcome';

/** What of the configuration the probe needs. */
export interface ProbeConfig extends TokenRequestConfig {
  readonly tokenUrl: string;
  readonly redirectUris: readonly [string, ...string[]];
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
 * spend nothing, and its refusal shows how a true one would fare: a server that says `invalid_grant` has accepted the rest.
 * @param onTry - gets the number of each try, from 1, before it is made
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
  const write = tokenRequests({
    clientId: config.clientId,
    clientSecret: way.secret === 'made-up' ? madeUp() : config.clientSecret,
    accessTokenKey: way.key === 'none' ? undefined : way.key === 'made-up' ? madeUp() : config.accessTokenKey,
    clientAuthentication: way.placement,
    requestFormat: way.format,
  });
  const { headers, body } = write({
    grant_type: 'authorization_code',
    code: madeUp(),
    redirectUri: config.redirectUris[0],
    codeVerifier: undefined,
  });
  return send({ url: config.tokenUrl, method: 'POST', headers, body, mayRepeat: false, signal: undefined });
}

/** Random, so that it belongs to nobody; readable, so that an operator who finds it in a log knows what it was. */
function madeUp(): string {
  return `made-up-by-doctor-${randomBytes(12).toString('hex')}`;
}

/** How one token request with a made-up code is written. */
export interface Try {
  readonly placement: 'header' | 'body';
  readonly format: 'json' | 'form';
  /** The header `ACCESSTOKEN`. */
  readonly key: 'none' | 'configured' | 'made-up';
  readonly secret: 'configured' | 'made-up';
}

/** A try and what the provider's answer to it means. */
export interface Tried {
  readonly way: Try;
  readonly outcome: Outcome;
}

/** What of the configuration the tries start from. */
export interface Setup {
  readonly placement: Try['placement'];
  readonly format: Try['format'];
  readonly hasKey: boolean;
}

/** The most tries that {@link nextTry} can ask for. */
export const MOST_TRIES = 6;

/**
 * The next thing to find out, or undefined when everything is known that can be: first the four ways to write a
 * request, as configured first; then whether `ACCESSTOKEN` matters; then, where a bare 400 was the best answer, whether
 * a made-up secret gets the same. No way is tried twice.
 */
export function nextTry(setup: Setup, done: readonly Tried[]): Try | undefined {
  if (done.some(({ outcome }) => endsTrying(outcome))) return undefined;
  const written = writings(setup)[done.length];
  if (written !== undefined) return written;
  const best = bestOf(setup, done);
  const base = best?.way ?? asConfigured(setup);
  if (setup.hasKey && !done.some(({ way }) => way.key === 'none')) return { ...base, key: 'none' };
  if (!setup.hasKey && best === undefined && !done.some(({ way }) => way.key === 'made-up'))
    return { ...base, key: 'made-up' };
  if (best?.outcome.weak === true && !done.some(({ way }) => way.secret === 'made-up'))
    return { ...base, secret: 'made-up' };
  return undefined;
}

/** Of the four ways to write a request those that were tried, as configured first. */
export function writingsTried(done: readonly Tried[]): readonly Tried[] {
  return done.slice(0, 4);
}

/** The accepted way that is nearest to the configuration. */
export function bestOf(setup: Setup, done: readonly Tried[]): Tried | undefined {
  const changes = ({ way }: Tried): number =>
    Number(way.placement !== setup.placement) + Number(way.format !== setup.format);
  return writingsTried(done)
    .filter(({ outcome }) => outcome.kind === 'accepted')
    .sort((a, b) => changes(a) - changes(b))[0];
}

function asConfigured({ placement, format, hasKey }: Setup): Try {
  return { placement, format, key: hasKey ? 'configured' : 'none', secret: 'configured' };
}

function writings(setup: Setup): readonly Try[] {
  const first = asConfigured(setup);
  const placement = setup.placement === 'header' ? 'body' : 'header';
  const format = setup.format === 'json' ? 'form' : 'json';
  return [first, { ...first, placement }, { ...first, format }, { ...first, placement, format }];
}
