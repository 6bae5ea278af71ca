import { foreignOrigin } from './foreign-origin';
import { fail, ok, skip, warn, type Finding, type Subject } from './finding';
import { endsTrying, type Outcome } from './outcome';
import { bestOf, writingsTried, type ProbeResult, type Setup, type Tried } from './probe';

const ENDPOINT = { check: 'token-endpoint', subject: 'endpoint' } as const;
const CREDENTIALS = { check: 'credentials', subject: 'credentials' } as const;
const FORMAT = { check: 'request-format', subject: 'format' } as const;
const KEY = { check: 'access-token-key', subject: 'ACCESSTOKEN' } as const;

const PLACES = { header: 'the header (Basic)', body: 'the body' } as const;

/** What of the configuration is needed to say where a redirect leads without saying too much. */
export interface ProbeAddress {
  readonly tokenUrl: string;
  /** An origin that holds one of these is not shown. */
  readonly secrets: readonly string[];
}

/** Judges what the token endpoint answered to made-up codes. Pure. */
export function judgeProbe(result: ProbeResult, address: ProbeAddress): readonly Finding[] {
  const { setup, tried } = result;
  const ending = tried.find(({ outcome }) => endsTrying(outcome));
  if (ending !== undefined) {
    const [first] = tried;
    const known = first?.outcome.kind === 'accepted' ? accepted(setup, tried, first) : [];
    return [endingFinding(ending, result, address), ...known];
  }
  const answers = ok(ENDPOINT, `answers (${tried.length} made-up codes), and does not redirect`);
  const best = bestOf(setup, tried);
  const key = judgeKey(setup, tried);
  if (best !== undefined) return [answers, ...accepted(setup, tried, best), key];
  if (key.verdict === 'fail')
    return [answers, key, undecided(CREDENTIALS, 'ACCESSTOKEN is right'), undecided(FORMAT, 'ACCESSTOKEN is right')];
  const faults = rejected(setup, tried);
  return faults.some(({ check }) => check === ENDPOINT.check) ? [...faults, key] : [answers, ...faults, key];
}

/** Judges the answer after which nothing more was tried. */
function endingFinding({ outcome }: Tried, { tried, location }: ProbeResult, address: ProbeAddress): Finding {
  const { kind, sign, retryAfterSeconds } = outcome;
  const wait = retryAfterSeconds === undefined ? 'a few minutes' : `${retryAfterSeconds} s`;
  switch (kind) {
    case 'limited': {
      const isFirst = tried.length === 1;
      const cure = `Wait ${wait}, then run doctor again; if it lasts, several apps may share this client id.`;
      return (isFirst ? fail : warn)(ENDPOINT, `limits the rate of requests (${sign})`, cure);
    }
    case 'down':
      return fail(ENDPOINT, `is not available right now (${sign})`, `Try again in ${wait}.`);
    case 'redirect':
      return fail(
        ENDPOINT,
        `redirects elsewhere (${sign})`,
        `Redirects are not followed. ${redirectCure(location, address)}`,
      );
    case 'proxy':
      return fail(
        ENDPOINT,
        `is behind a proxy that asks for credentials of its own (${sign})`,
        'Give connectAuth() the option agent with an agent for that proxy.',
      );
    case 'no-endpoint':
      return fail(ENDPOINT, `has no token endpoint at its path (${sign})`, 'Correct the path of CONNECT_TOKEN_URL.');
    case 'page':
      return (sign.startsWith('HTTP 2') ? fail : warn)(
        ENDPOINT,
        `answers with a web page (HTML, ${sign})`,
        'Check that CONNECT_TOKEN_URL is the API, not a page for people; a proxy or login wall in between does this, too.',
      );
    case 'issued':
      return fail(
        ENDPOINT,
        'hands out a token for a made-up code',
        'This is not a real token endpoint. Check CONNECT_TOKEN_URL.',
      );
    case 'no-answer':
      return sign === 'timeout'
        ? fail(ENDPOINT, 'gives no answer in time', 'Try again; if it stays slow, raise CONNECT_TIMEOUT_MS.')
        : fail(ENDPOINT, `gives no answer (${sign})`, 'See the checks of the network above.');
    // Beside 'unreadable' those that end nothing.
    case 'unreadable':
    case 'accepted':
    case 'refused':
    case 'format':
    case 'forbidden':
    case 'error':
      return fail(
        ENDPOINT,
        `gives an answer that is neither a token nor an error (${sign})`,
        'Check that CONNECT_TOKEN_URL is the token endpoint.',
      );
  }
}

/**
 * A redirect is not followed: the code and the secret would go to an address that nobody has chosen. Of that address no
 * more than the origin is shown, because the server may have put into it what was sent.
 */
function redirectCure(location: string | undefined, { tokenUrl, secrets }: ProbeAddress): string {
  const noAddress = 'Set CONNECT_TOKEN_URL to the final address.';
  if (location === undefined || !URL.canParse(location, tokenUrl)) return noAddress;
  const target = new URL(location, tokenUrl);
  if (target.origin === new URL(tokenUrl).origin)
    return 'It leads to another path of the same host: correct the path of CONNECT_TOKEN_URL.';
  const origin = foreignOrigin(target, secrets);
  if (origin === undefined) return noAddress;
  return `It leads to ${origin}: if you trust that, set CONNECT_TOKEN_URL to the token endpoint there; it may as well be a page for people.`;
}

/** At least one way of writing the request is accepted: the configured one, or there is a switch to change. */
function accepted(setup: Setup, tried: readonly Tried[], best: Tried): Finding[] {
  const { placement, format } = best.way;
  const otherPlace = placement === 'header' ? 'body' : 'header';
  const otherFormat = format === 'json' ? 'form' : 'json';
  const worksToo = (placed: Tried['way']['placement'], formatted: Tried['way']['format']): boolean =>
    writingsTried(tried).some(
      ({ way, outcome }) => outcome.kind === 'accepted' && way.placement === placed && way.format === formatted,
    );
  const alsoPlaced = worksToo(otherPlace, format) ? `; ${PLACES[otherPlace]} works, too` : '';
  const alsoFormatted = worksToo(placement, otherFormat) ? `; ${otherFormat} works, too` : '';
  return [
    credentialsFinding(setup, tried, best, alsoPlaced),
    format === setup.format
      ? ok(FORMAT, `${format} is accepted, as configured${alsoFormatted}`)
      : fail(FORMAT, `${setup.format} is not accepted, ${format} is`, formatCure(format)),
  ];
}

function credentialsFinding(setup: Setup, tried: readonly Tried[], { way, outcome }: Tried, also: string): Finding {
  if (way.placement !== setup.placement) {
    return fail(
      CREDENTIALS,
      `refused in ${PLACES[setup.placement]}, accepted in ${PLACES[way.placement]}`,
      `Set CONNECT_CLIENT_AUTHENTICATION=${way.placement} (option clientAuthentication).`,
    );
  }
  const control = tried.find(({ way: other }) => other.secret === 'made-up')?.outcome;
  if (outcome.weak && (control === undefined || control.kind === 'accepted')) {
    return warn(
      CREDENTIALS,
      `not refused, but ${outcome.sign} does not say whether they are right`,
      'Sign in once by hand: only a true code shows it.',
    );
  }
  return ok(CREDENTIALS, `accepted in ${PLACES[way.placement]}, as configured${also}`);
}

/** No way is accepted, and ACCESSTOKEN is not the reason. */
function rejected(setup: Setup, tried: readonly Tried[]): Finding[] {
  const written = writingsTried(tried);
  const refused = written.filter(({ outcome }) => outcome.kind === 'refused');
  const signs = [...new Set((refused.length > 0 ? refused : written).map(({ outcome }) => outcome.sign))].join(', ');
  if (refused.length > 0) {
    const cure = `Compare CONNECT_CLIENT_ID and CONNECT_CLIENT_SECRET with the registration: swapped, replaced, or of another app?${setup.hasKey ? ' Also CONNECT_ACCESS_TOKEN_KEY.' : ''}`;
    return [fail(CREDENTIALS, `refused in the header and in the body (${signs})`, cure), refusedFormat(setup, refused)];
  }
  if (written.some(({ outcome }) => outcome.kind === 'format')) {
    return [
      fail(
        FORMAT,
        `neither json nor form is understood (${signs})`,
        'Check that CONNECT_TOKEN_URL is the token endpoint, and that CONNECT_REDIRECT_URI is registered exactly as it is set.',
      ),
      undecided(CREDENTIALS, 'the format is right'),
    ];
  }
  const byServer = written.every(({ outcome }) => outcome.kind === 'error');
  return [
    byServer
      ? fail(ENDPOINT, `fails at every request (${signs})`, 'Try again later; if it lasts, tell the provider.')
      : fail(
          ENDPOINT,
          `refuses every request (${signs})`,
          "Ask the provider what this app may do, and whether this machine's address is blocked.",
        ),
    undecided(CREDENTIALS, 'that is cured'),
    undecided(FORMAT, 'that is cured'),
  ];
}

/** A server that says of one format only that it does not know it has read the other. */
function refusedFormat(setup: Setup, refused: readonly Tried[]): Finding {
  const [format, ...others] = new Set(refused.map(({ way }) => way.format));
  if (format === undefined || others.length > 0) return undecided(FORMAT, 'the credentials are right');
  if (format === setup.format) return ok(FORMAT, `${format} is understood`);
  return fail(FORMAT, `${setup.format} is not understood, ${format} is`, formatCure(format));
}

function formatCure(format: Setup['format']): string {
  return `Set CONNECT_REQUEST_FORMAT=${format} (option requestFormat).`;
}

/**
 * Judges what the header `ACCESSTOKEN` does, by the difference that it makes: an answer that stays the same with a
 * made-up key, or without the configured one, was not about the key.
 */
export function judgeKey(setup: Setup, tried: readonly Tried[]): Finding {
  return setup.hasKey ? configuredKey(setup, tried) : missingKey(setup, tried);
}

function configuredKey(setup: Setup, tried: readonly Tried[]): Finding {
  const without = tried.find(({ way }) => way.key === 'none')?.outcome;
  if (without === undefined) return NO_DIFFERENCE;
  const isNeeded = without.kind !== 'accepted';
  if (bestOf(setup, tried) !== undefined)
    return ok(KEY, isNeeded ? 'is needed, and yours is accepted' : 'is sent, and not needed');
  if (!isNeeded) {
    return fail(
      KEY,
      'is refused, and not needed at all',
      'Remove CONNECT_ACCESS_TOKEN_KEY (option accessTokenKey), or correct it.',
    );
  }
  const sign = signAsConfigured(tried);
  if (sign === undefined || sign === without.sign) return NO_DIFFERENCE;
  return fail(
    KEY,
    `yours is refused (${sign}; without it ${without.sign})`,
    'Copy the Access Token Key of your developer account again to CONNECT_ACCESS_TOKEN_KEY.',
  );
}

function missingKey(setup: Setup, tried: readonly Tried[]): Finding {
  if (bestOf(setup, tried) !== undefined) return ok(KEY, 'is not needed');
  const madeUp = tried.find(({ way }) => way.key === 'made-up')?.outcome;
  const sign = signAsConfigured(tried);
  if (madeUp === undefined || sign === undefined || sign === madeUp.sign) return NO_DIFFERENCE;
  return fail(
    KEY,
    `is required (${sign}; with a made-up key ${madeUp.sign})`,
    'Set CONNECT_ACCESS_TOKEN_KEY (option accessTokenKey) to the Access Token Key of your developer account.',
  );
}

const NO_DIFFERENCE = skip(KEY, 'makes no difference so far');

/** Only at the configured way the tries with and without a key differ in nothing else. */
function signAsConfigured(tried: readonly Tried[]): Outcome['sign'] | undefined {
  return writingsTried(tried)[0]?.outcome.sign;
}

function undecided(about: Subject, obstacle: string): Finding {
  return skip(about, `cannot be judged until ${obstacle}`);
}
