import type { Finding } from './finding';
import { foreignOrigin } from './foreign-origin';
import type { Outcome } from './outcome';

/** What else bears on an answer that ended the trying. */
export interface Ending {
  readonly tokenUrl: string;
  /** Of a redirect, as received. */
  readonly location: string | undefined;
  /** An origin that holds one of these is not shown. */
  readonly secrets: readonly string[];
  /** Whether it was the answer to the very first try. */
  readonly isFirst: boolean;
}

const ABOUT = { check: 'token-endpoint', subject: 'endpoint' } as const;

/** Judges the answer after which nothing more was tried. */
export function judgeEnding(outcome: Outcome, ending: Ending): Finding {
  const { kind, sign, retryAfterSeconds } = outcome;
  const wait = retryAfterSeconds === undefined ? 'a few minutes' : `${retryAfterSeconds} s`;
  switch (kind) {
    case 'limited':
      return {
        ...ABOUT,
        verdict: ending.isFirst ? 'fail' : 'warn',
        text: `limits the rate of requests (${sign})`,
        cure: `Wait ${wait}, then run doctor again; if it lasts, several apps may share this client id.`,
      };
    case 'down':
      return fail(`is not available right now (${sign})`, `Try again in ${wait}.`);
    case 'redirect':
      return fail(`redirects elsewhere (${sign})`, redirectCure(ending));
    case 'proxy':
      return fail(
        `is behind a proxy that asks for credentials of its own (${sign})`,
        'Give connectAuth() the option agent with an agent for that proxy.',
      );
    case 'no-endpoint':
      return fail(`has no token endpoint at its path (${sign})`, 'Correct the path of CONNECT_TOKEN_URL.');
    case 'page':
      return {
        ...ABOUT,
        verdict: sign.startsWith('HTTP 2') ? 'fail' : 'warn',
        text: `answers with a web page (HTML, ${sign})`,
        cure: 'Check that CONNECT_TOKEN_URL is the API, not a page for people; a proxy or login wall in between does this, too.',
      };
    case 'issued':
      return fail('hands out a token for a made-up code', 'This is no real token endpoint. Check CONNECT_TOKEN_URL.');
    case 'no-answer':
      return sign === 'timeout'
        ? fail('gives no answer in time', 'Try again; if it stays slow, raise CONNECT_TIMEOUT_MS.')
        : fail(`gives no answer (${sign})`, 'See the checks of the network above.');
    case 'unreadable':
    case 'error':
    case 'forbidden':
    case 'format':
    case 'refused':
    case 'accepted':
      return fail(
        `gives an answer that is neither a token nor an error (${sign})`,
        'Check that CONNECT_TOKEN_URL is the token endpoint.',
      );
  }
}

function fail(text: string, cure: string): Finding {
  return { ...ABOUT, verdict: 'fail', text, cure };
}

/**
 * A redirect is not followed: the code and the secret would go to an address that nobody has chosen. Of that address no
 * more than the origin is shown, because the server may have put into it what we have sent.
 */
function redirectCure({ tokenUrl, location, secrets }: Ending): string {
  const untold = 'Redirects are not followed. Set CONNECT_TOKEN_URL to the final address.';
  if (location === undefined || !URL.canParse(location, tokenUrl)) return untold;
  const target = new URL(location, tokenUrl);
  if (target.origin === new URL(tokenUrl).origin) {
    return 'Redirects are not followed. It leads to another path of the same host: correct the path of CONNECT_TOKEN_URL.';
  }
  const origin = foreignOrigin(target, secrets);
  if (origin === undefined) return untold;
  return `Redirects are not followed. It leads to ${origin}: if you trust that, set CONNECT_TOKEN_URL to the token endpoint there; it may as well be a page for people.`;
}
