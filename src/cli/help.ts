import { flagOf, SWITCH_VALUES } from './sandbox-flags';
import { wrap } from './console';

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  accessTokenKey: 'ignored | the key that is required',
  graceMs: 'milliseconds [0]',
  lifetimeSeconds: 'seconds [3600]',
};

/** Of the bare command. */
export const HELP = `Usage: express-connect-auth <command> [flags]

  doctor     find out why sign-in does not work, and what to do about it
  sandbox    run a local provider to sign in against, without an account

  --help     this text; after a command, its own
  --version  the version of the package
`;

/** Of `doctor`. */
export const DOCTOR_HELP = `Usage: express-connect-auth doctor [flags]

Looks at the options in the environment (the variables of .env.example), at the
way to the provider, and at what its token endpoint accepts.

  --env-file FILE       read the variables from FILE, not from the environment
  --mount PATH          where browsers find what you pass to app.use(PATH,
                        connectAuth(...)); give it again for each mount
  --callback-path PATH  the app's option callbackPath [/connect/callback]
  --offline             look at the configuration only
  --json                one JSON object for machines
  --help                this text

How the token endpoint is asked
  With made-up codes, which spend nothing: one try for each way to write the
  request (credentials in the header or the body, as json or form), one or two
  more for ACCESSTOKEN. "invalid_grant" means that everything but the code was
  accepted; "invalid_client", 401 or 2036 that the credentials were refused;
  406, 415 or "invalid_request" that the format was not understood. A bare 400
  may mean anything: a try with a made-up secret shows whether it does. Doctor
  stops at the first redirect, outage or rate limit. Your client id, secret and
  key are sent to CONNECT_TOKEN_URL, as at a sign-in, and are never shown.

JSON
  { "version": 1, "ok": true, "counts": { "ok", "warn", "fail", "skip" },
    "findings": [{ "check", "subject", "verdict", "text", "cure" }] }
  check: options, option, mount, dns, connection, tls, clock, token-endpoint,
  credentials, request-format, access-token-key. verdict: ok, warn, fail, skip.
  "cure" is there when there is something to do. Words may change, names stay.

Exit code
  0 nothing failed, 1 something failed, 2 wrong usage
`;

/** Of `sandbox`. */
export const SANDBOX_HELP = `Usage: express-connect-auth sandbox [flags]

Runs a local stand-in for Appy Pie Connect on 127.0.0.1, with a client id and a
secret of its own, and prints the options to paste. Ctrl+C (SIGINT, SIGTERM)
stops it.

  --port N              [a free one]
  --help                this text

Switches, for what the provider's documentation leaves open; the first value is
the default, docs/testing.md says what each does:

${switchLines().join('\n')}
`;

function switchLines(): readonly string[] {
  return Object.entries(SWITCH_VALUES).flatMap(([name, values]) => {
    const words = PLACEHOLDERS[name] ?? [values].flat().join(' | ');
    return wrap(words, 78 - 24).map((line, index) => `  ${(index === 0 ? `--${flagOf(name)}` : '').padEnd(22)}${line}`);
  });
}
