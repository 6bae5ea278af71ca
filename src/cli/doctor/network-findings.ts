import { httpDateMs } from '../../provider/http/http-date';
import type { Env } from '../command';
import { fail, ok, warn, type Finding } from './finding';
import type { ConnectionResult, NameResult } from './reach';

/** An address of the provider, by the variable that can change it. */
export interface Target {
  readonly url: string;
  readonly variable: string;
}

const NAME = { check: 'dns', subject: 'DNS' } as const;
const CONNECTION = { check: 'connection', subject: 'connection' } as const;
const PROXY = { check: 'connection', subject: 'proxy' } as const;
const TLS = { check: 'tls', subject: 'TLS' } as const;
const CLOCK = { check: 'clock', subject: 'clock' } as const;

/** Judges the outcome of looking a host up. Undefined for a host that is an address. */
export function judgeName({ url, variable }: Target, result: NameResult): Finding | undefined {
  const { hostname } = new URL(url);
  if (result.kind === 'address') return undefined;
  if (result.kind === 'found') {
    const { addresses } = result;
    return ok(NAME, `${hostname} has ${addresses === 1 ? 'an address' : `${addresses} addresses`}`);
  }
  if (result.code === 'ENOTFOUND') {
    return fail(
      NAME,
      `there is no host ${hostname}`,
      `Check the spelling of ${variable}; if it is right, this machine's name server does not know the host.`,
    );
  }
  return fail(
    NAME,
    `the name server gave no answer for ${hostname} (${result.code})`,
    'Check the network and the name server (/etc/resolv.conf) of this machine; then try again.',
  );
}

/**
 * Judges the outcome of connecting.
 * @param nowMs - milliseconds since 1970
 */
export function judgeConnection({ url, variable }: Target, result: ConnectionResult, nowMs: number): Finding {
  const { host, protocol } = new URL(url);
  if (result.kind === 'failed') {
    const ofCertificate = Object.hasOwn(CERTIFICATE_FAULTS, result.code) ? CERTIFICATE_FAULTS[result.code] : undefined;
    const [text, cure] = ofCertificate ?? connectionFault(result.code, variable, protocol === 'https:');
    return fail(ofCertificate === undefined ? CONNECTION : TLS, `${host} ${text}`, cure);
  }
  if (result.kind === 'connected') return ok(CONNECTION, `${host} listens; http, so for development only`);
  return certificateFinding(host, result, nowMs);
}

const DAY_MS = 86_400_000;
/** Certificates that renew themselves do so a month before; two weeks before, something is stuck. */
const SOON_DAYS = 14;

function certificateFinding(
  host: string,
  { protocol, validToMs }: Extract<ConnectionResult, { kind: 'verified' }>,
  nowMs: number,
): Finding {
  const days = Math.floor((validToMs - nowMs) / DAY_MS);
  if (days >= SOON_DAYS) return ok(TLS, `${host} has a trusted certificate (${protocol}), valid for ${days} days`);
  return warn(
    TLS,
    `the certificate of ${host} expires in ${days === 1 ? 'a day' : `${days} days`}`,
    'Ask the operator of that host to renew it; sign-in stops working when it expires.',
  );
}

type Explanation = readonly [text: string, cure: string];

const PRIVATE_CA: Explanation = [
  'has a certificate that no known authority has signed',
  'If it is a private CA, start Node with NODE_EXTRA_CA_CERTS=ca.pem, or give connectAuth() an agent that knows it. ' +
    'Otherwise do not go on: somebody may be listening in.',
];
const EXPIRED: Explanation = [
  'has an expired certificate',
  "Ask the operator of that host to renew it; if it has not expired, set this machine's clock.",
];

/** By the code of node:tls, which are those of OpenSSL. */
const CERTIFICATE_FAULTS: Readonly<Record<string, Explanation>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: PRIVATE_CA,
  SELF_SIGNED_CERT_IN_CHAIN: PRIVATE_CA,
  UNABLE_TO_GET_ISSUER_CERT: PRIVATE_CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: PRIVATE_CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: PRIVATE_CA,
  CERT_UNTRUSTED: PRIVATE_CA,
  CERT_HAS_EXPIRED: EXPIRED,
  CERT_NOT_YET_VALID: [
    'has a certificate that is not valid yet',
    "Set this machine's clock: it is most likely behind.",
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'has a certificate for another name',
    'Use the host name that the certificate is for, not an address or an alias.',
  ],
};

function connectionFault(code: string, variable: string, secure: boolean): Explanation {
  switch (code) {
    case 'ECONNREFUSED':
      return ['refuses connections', `Check the port in ${variable}, and that the server is running.`];
    case 'TIMEOUT':
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return [
        'cannot be reached',
        'Look for a firewall on the way. Behind a proxy, sign-in needs the option agent, which doctor does not know of.',
      ];
    default:
      return secure
        ? [
            `breaks off the TLS handshake (${code})`,
            `Check that ${variable} names an https server and its right port; a proxy in between does this, too.`,
          ]
        : [`breaks off the connection (${code})`, `Check the port in ${variable}.`];
  }
}

/**
 * Names the proxy that this machine goes out by, where the host of `url` could not be reached: a reason that no single
 * check can see. Pure.
 * @param network - what came of looking that host up and connecting to it
 */
export function judgeProxy(environment: Env, url: string, network: readonly Finding[]): Finding | undefined {
  const name = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].find((one) => (environment[one] ?? '') !== '');
  const isCutOff = network.some(({ check, verdict }) => verdict === 'fail' && check !== 'tls');
  if (name === undefined || !isCutOff || isReachedDirectly(environment, new URL(url))) return undefined;
  return warn(
    PROXY,
    `${name} is set, and sign-in goes by a proxy only with the option agent`,
    'If there is no other way out, give connectAuth() an agent for that proxy. Doctor cannot look through one.',
  );
}

/** http is for this machine only; NO_PROXY lists hosts, with all below them, in the usual spellings. */
function isReachedDirectly(environment: Env, { protocol, hostname }: URL): boolean {
  const listed = `${environment['NO_PROXY'] ?? ''},${environment['no_proxy'] ?? ''}`.split(/[,\s]+/u);
  const spared = listed.map((host) => host.replace(/^\*?\.|:\d+$/gu, '')).filter((host) => host !== '');
  return (
    protocol === 'http:' || spared.some((host) => host === '*' || host === hostname || hostname.endsWith(`.${host}`))
  );
}

/** When an answer came, and what its server's clock said. */
export interface ClockReading {
  /** The `Date` header (RFC 9110 §6.6.1), as received. */
  readonly date: string | undefined;
  /** Milliseconds since 1970, by the clock of this machine. */
  readonly sentMs: number;
  readonly receivedMs: number;
}

const SKEW_WARN_SECONDS = 30;
const SKEW_FAIL_SECONDS = 300;

/** Compares the two clocks; undefined where the server sends no date. How long the answer took does not count. */
export function judgeClock({ date, sentMs, receivedMs }: ClockReading): Finding | undefined {
  const theirMs = httpDateMs((date ?? '').trim());
  if (Number.isNaN(theirMs)) return undefined;
  // Their clock is cut to whole seconds.
  const ahead = Math.round((Math.max(0, theirMs - receivedMs) - Math.max(0, sentMs - theirMs - 1000)) / 1000);
  const seconds = Math.abs(ahead);
  if (seconds < SKEW_WARN_SECONDS) return ok(CLOCK, `agrees with the provider's to ${Math.max(seconds, 1)} s`);
  const text = `this machine's is ${spoken(seconds)} ${ahead > 0 ? 'behind' : 'ahead of'} the provider's`;
  const cure = 'Let the clock be set over the network (NTP): tokens seem to expire at the wrong time.';
  return seconds < SKEW_FAIL_SECONDS ? warn(CLOCK, text, cure) : fail(CLOCK, text, cure);
}

function spoken(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} hours` : `${Math.round(seconds / 86_400)} days`;
}
