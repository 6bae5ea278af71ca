import { DEFAULT_CALLBACK_PATH } from './callback-path';
import type { Command } from './command';
import { refuse } from './command';
import { painter, widthOf } from './console';
import { readEnvFile } from './env-file';
import { examine } from './examine';
import { DOCTOR_HELP } from './help';
import { isCallbackPath } from './option-findings';
import { progressOn } from './progress';
import { readFlags } from './read-flags';
import { isSound, jsonReport, textReport } from './report';

const FLAGS = {
  'env-file': 'value',
  mount: 'list',
  'callback-path': 'value',
  offline: 'switch',
  json: 'switch',
  help: 'switch',
} as const;

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
  const callbackPath = values.get('callback-path') ?? DEFAULT_CALLBACK_PATH;
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
    stdout.write(
      `${paint('dim', `Reading ${file === undefined ? 'the environment; to read a file: --env-file FILE' : 'the file of --env-file'}`)}\n\n`,
    );
    stdout.write(textReport(findings, { paint, width: widthOf(stdout) }));
  }
  return isSound(findings) ? 0 : 1;
};
