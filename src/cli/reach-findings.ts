import type { Finding } from './finding';
import type { ConnectionResult, NameResult } from './reach';

/** An address of the provider, by the variable that can change it. */
export interface Target {
  readonly url: string;
  readonly variable: string;
}

const CONNECTION = { check: 'connection', subject: 'connection' } as const;
const TLS = { check: 'tls', subject: 'TLS' } as const;
const DAY_MS = 86_400_000;
/** Certificates that renew themselves do so a month before; two weeks before, something is stuck. */
const SOON_DAYS = 14;

/** Judges the outcome of looking a host up. A host that is an address is no finding. */
export function judgeName({ url, variable }: Target, result: NameResult): Finding | undefined {
  const { hostname } = new URL(url);
  if (result.kind === 'address') return undefined;
  const about = { check: 'dns', subject: 'DNS' } as const;
  if (result.kind === 'found') {
    const { addresses } = result;
    return {
      ...about,
      verdict: 'ok',
      text: `${hostname} has ${addresses === 1 ? 'an address' : `${addresses} addresses`}`,
    };
  }
  if (result.code === 'ENOTFOUND') {
    return {
      ...about,
      verdict: 'fail',
      text: `there is no host ${hostname}`,
      cure: `Check the spelling of ${variable}; if it is right, this machine's name server does not know the host.`,
    };
  }
  return {
    ...about,
    verdict: 'fail',
    text: `the name server gave no answer for ${hostname} (${result.code})`,
    cure: 'Check the network and the name server (/etc/resolv.conf) of this machine; then try again.',
  };
}

/**
 * Judges the outcome of connecting.
 * @param nowMs - milliseconds since 1970
 */
export function judgeConnection({ url, variable }: Target, result: ConnectionResult, nowMs: number): Finding {
  const { host, protocol } = new URL(url);
  if (result.kind === 'failed') {
    const ofCertificate = Object.hasOwn(CERTIFICATE_FAULTS, result.code) ? CERTIFICATE_FAULTS[result.code] : undefined;
    const about = ofCertificate === undefined ? CONNECTION : TLS;
    const [text, cure] = ofCertificate ?? connectionFault(result.code, variable, protocol === 'https:');
    return { ...about, verdict: 'fail', text: `${host} ${text}`, cure };
  }
  if (result.kind === 'connected')
    return { ...CONNECTION, verdict: 'ok', text: `${host} listens; http, so for development only` };
  return certificateFinding(host, result, nowMs);
}

function certificateFinding(
  host: string,
  { protocol, validToMs }: Extract<ConnectionResult, { kind: 'verified' }>,
  nowMs: number,
): Finding {
  const trusted = `${host} has a trusted certificate (${protocol})`;
  const days = Math.floor((validToMs - nowMs) / DAY_MS);
  if (days >= SOON_DAYS) return { ...TLS, verdict: 'ok', text: `${trusted}, valid for ${days} days` };
  return {
    ...TLS,
    verdict: 'warn',
    text: `the certificate of ${host} expires in ${days === 1 ? 'a day' : `${days} days`}`,
    cure: 'Tell whoever runs that host to renew it; sign-in stops working when it expires.',
  };
}

type Explanation = readonly [text: string, cure: string];

const PRIVATE_CA: Explanation = [
  'has a certificate that no known authority has signed',
  'If it is a private CA, start Node with NODE_EXTRA_CA_CERTS=ca.pem, or give connectAuth() an agent that knows it. ' +
    'Otherwise do not go on: somebody may be listening in.',
];
const EXPIRED: Explanation = [
  'has an expired certificate',
  "Have it renewed by whoever runs that host; if it is not expired, set this machine's clock.",
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
