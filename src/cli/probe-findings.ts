import type { Finding } from './finding';
import { endsTrying } from './outcome';
import { judgeEnding } from './ending-finding';
import { judgeKey } from './key-finding';
import type { ProbeResult } from './probe';
import { bestOf, writingsTried, type Setup, type Tried } from './tries';

const PLACES = { header: 'the header (Basic)', body: 'the body' } as const;
const CREDENTIALS = { check: 'credentials', subject: 'credentials' } as const;
const FORMAT = { check: 'request-format', subject: 'format' } as const;

/** What of the configuration is needed to say where a redirect leads without saying too much. */
export interface ProbeAddress {
  readonly tokenUrl: string;
  /** An origin that holds one of these is not shown. */
  readonly secrets: readonly string[];
}

/** Judges what the token endpoint answered to made-up codes. Pure. */
export function judgeProbe({ setup, tried, location }: ProbeResult, address: ProbeAddress): readonly Finding[] {
  const ending = tried.find(({ outcome }) => endsTrying(outcome));
  if (ending !== undefined) {
    const [first] = tried;
    const isFirst = ending === first;
    const known = first?.outcome.kind === 'accepted' ? accepted(setup, tried, first) : [];
    return [judgeEnding(ending.outcome, { ...address, location, isFirst }), ...known];
  }
  const answers: Finding = {
    check: 'token-endpoint',
    subject: 'endpoint',
    verdict: 'ok',
    text: `answers (${tried.length} made-up codes), and does not redirect`,
  };
  const best = bestOf(setup, tried);
  const key = judgeKey(setup, tried);
  if (best !== undefined) return [answers, ...accepted(setup, tried, best), key];
  if (key.verdict === 'fail')
    return [answers, key, untold(CREDENTIALS, 'ACCESSTOKEN is right'), untold(FORMAT, 'ACCESSTOKEN is right')];
  const faults = rejected(setup, tried);
  return faults.some(({ check }) => check === answers.check) ? [...faults, key] : [answers, ...faults, key];
}

/** At least one way of writing the request is accepted: the configured one, or there is a switch to change. */
function accepted(setup: Setup, tried: readonly Tried[], best: Tried): Finding[] {
  const { placement, format } = best.way;
  const worksToo = (way: Partial<Tried['way']>): boolean =>
    writingsTried(tried).some(
      ({ way: other, outcome }) =>
        outcome.kind === 'accepted' &&
        Object.entries({ placement, format, ...way }).every(
          ([name, value]) => other[name as keyof typeof way] === value,
        ),
    );
  const otherPlace = placement === 'header' ? 'body' : 'header';
  const otherFormat = format === 'json' ? 'form' : 'json';
  return [
    credentialsFinding(
      setup,
      tried,
      best,
      worksToo({ placement: otherPlace }) ? `; ${PLACES[otherPlace]} works, too` : '',
    ),
    format === setup.format
      ? {
          ...FORMAT,
          verdict: 'ok',
          text: `${format} is accepted, as configured${worksToo({ format: otherFormat }) ? `; ${otherFormat} works, too` : ''}`,
        }
      : {
          ...FORMAT,
          verdict: 'fail',
          text: `${setup.format} is not accepted, ${format} is`,
          cure: `Set CONNECT_REQUEST_FORMAT=${format} (option requestFormat).`,
        },
  ];
}

function credentialsFinding(setup: Setup, tried: readonly Tried[], { way, outcome }: Tried, also: string): Finding {
  const control = tried.find(({ way: other }) => other.secret === 'made-up')?.outcome;
  if (way.placement !== setup.placement) {
    return {
      ...CREDENTIALS,
      verdict: 'fail',
      text: `refused in ${PLACES[setup.placement]}, accepted in ${PLACES[way.placement]}`,
      cure: `Set CONNECT_CLIENT_AUTHENTICATION=${way.placement} (option clientAuthentication).`,
    };
  }
  if (outcome.weak && (control === undefined || control.kind === 'accepted')) {
    return {
      ...CREDENTIALS,
      verdict: 'warn',
      text: `not refused, but ${outcome.sign} does not say whether they are right`,
      cure: 'Sign in once by hand: only a true code shows it.',
    };
  }
  return { ...CREDENTIALS, verdict: 'ok', text: `accepted in ${PLACES[way.placement]}, as configured${also}` };
}

/** No way is accepted, and ACCESSTOKEN is not the reason. */
function rejected(setup: Setup, tried: readonly Tried[]): Finding[] {
  const written = writingsTried(tried);
  const refused = written.filter(({ outcome }) => outcome.kind === 'refused');
  const signs = [...new Set((refused.length > 0 ? refused : written).map(({ outcome }) => outcome.sign))].join(', ');
  if (refused.length > 0) {
    return [
      {
        ...CREDENTIALS,
        verdict: 'fail',
        text: `refused in the header and in the body (${signs})`,
        cure:
          'Compare CONNECT_CLIENT_ID and CONNECT_CLIENT_SECRET with the registration: swapped, replaced, or of another app?' +
          (setup.hasKey ? ' Also CONNECT_ACCESS_TOKEN_KEY.' : ''),
      },
      refusedFormat(setup, refused),
    ];
  }
  if (written.some(({ outcome }) => outcome.kind === 'format')) {
    return [
      {
        ...FORMAT,
        verdict: 'fail',
        text: `neither json nor form is understood (${signs})`,
        cure: 'Check that CONNECT_TOKEN_URL is the token endpoint, and that CONNECT_REDIRECT_URI is registered exactly as it is set.',
      },
      untold(CREDENTIALS, 'the format is right'),
    ];
  }
  const byServer = written.every(({ outcome }) => outcome.kind === 'error');
  return [
    {
      check: 'token-endpoint',
      subject: 'endpoint',
      verdict: 'fail',
      text: byServer ? `fails at every request (${signs})` : `refuses every request (${signs})`,
      cure: byServer
        ? 'Try again later; if it lasts, tell the provider.'
        : "Ask the provider what this app may do, and whether this machine's address is blocked.",
    },
    untold(CREDENTIALS, 'that is cured'),
    untold(FORMAT, 'that is cured'),
  ];
}

/** A server that says of one format only that it does not know it has read the other. */
function refusedFormat(setup: Setup, refused: readonly Tried[]): Finding {
  const formats = [...new Set(refused.map(({ way }) => way.format))];
  const [format] = formats;
  if (formats.length !== 1 || format === undefined) return untold(FORMAT, 'the credentials are right');
  if (format === setup.format) return { ...FORMAT, verdict: 'ok', text: `${format} is understood` };
  return {
    ...FORMAT,
    verdict: 'fail',
    text: `${setup.format} is not understood, ${format} is`,
    cure: `Set CONNECT_REQUEST_FORMAT=${format} (option requestFormat).`,
  };
}

function untold(about: Pick<Finding, 'check' | 'subject'>, obstacle: string): Finding {
  return { ...about, verdict: 'skip', text: `cannot be told before ${obstacle}` };
}
