import { OPTIONS } from '../../options/table';
import { refuse, type Command } from '../command';
import { readFlags } from '../read-flags';
import { painter, progressOn, widthOf, wrap } from '../terminal';
import { isCallbackPath } from './configuration-findings';
import { readEnvFile } from './env-file';
import { examine } from './examine';
import { CHECKS } from './finding';
import { isSound, jsonReport, textReport } from './report';

const FLAGS = {
  'env-file': 'value',
  mount: 'list',
  'callback-path': 'value',
  offline: 'switch',
  json: 'switch',
  help: 'switch',
} as const;

const CHECK_LINES = wrap(`check: ${Object.keys(CHECKS).join(', ')}. verdict: ok, warn, fail, skip.`, 80 - 2)
  .map((line) => `  ${line}`)
  .join('\n');

/** What `doctor --help` says. */
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
${CHECK_LINES}
  "cure" is there when there is something to do. Words may change, names stay.

Exit code
  0 nothing failed, 1 something failed, 2 wrong usage; 9 comes from Node itself,
  which did not find the file of --env-file
`;

/** `doctor`: finds out why sign-in does not work, or would not. */
export const doctor: Command = async function doctor(args, world) {
  const { env, stdout, stderr } = world;
  const read = readFlags(args, FLAGS);
  if ('misuse' in read) return refuse(read.misuse, 'doctor', world);
  const { values, lists, switches } = read.flags;
  if (switches.has('help')) {
    stdout.write(DOCTOR_HELP);
    return 0;
  }
  const file = values.get('env-file');
  const source = file === undefined ? undefined : readEnvFile(file);
  if (source !== undefined && 'misuse' in source) return refuse(source.misuse, 'doctor', world);
  const mounts = lists.get('mount') ?? [];
  const callbackPath = values.get('callback-path') ?? OPTIONS.callbackPath.default;
  if (!mounts.every((path) => path.startsWith('/')))
    return refuse('--mount takes a path that starts with "/".', 'doctor', world);
  if (!isCallbackPath(callbackPath))
    return refuse('--callback-path takes what option callbackPath takes.', 'doctor', world);

  const findings = await examine(
    { file: source, environment: env, callbackPath, mounts, offline: switches.has('offline') },
    progressOn(stderr, env),
  );
  if (switches.has('json')) {
    stdout.write(jsonReport(findings));
  } else {
    const paint = painter(stdout, env);
    const place = file === undefined ? 'the environment; to read a file: --env-file FILE' : 'the file of --env-file';
    stdout.write(`${paint('dim', `Reading ${place}`)}\n\n`);
    stdout.write(textReport(findings, { paint, width: widthOf(stdout) }));
  }
  return isSound(findings) ? 0 : 1;
};
