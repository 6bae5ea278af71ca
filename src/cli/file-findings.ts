import type { EnvFile, Env } from './env-file';
import type { Finding } from './finding';
import { VARIABLES } from '../options/from-env';

/**
 * Judges how an app will read a .env file, beside what its variables say. Pure.
 * @param environment - of this process: what is set there, an app's loader leaves as it is
 */
export function judgeFile({ env, cut }: EnvFile, environment: Env): readonly Finding[] {
  const ours = VARIABLES.map(({ name }) => name).filter((name) => env[name] !== undefined);
  return ours.flatMap((name) => [
    ...(cut.includes(name)
      ? [
          warning(
            name,
            'ends at a #: behind it the file has a comment',
            'If the # belongs to the value, put the value in quotes.',
          ),
        ]
      : []),
    ...(environment[name] === undefined || environment[name] === env[name]
      ? []
      : [
          warning(
            name,
            'has another value in the environment, which wins over a file',
            'Remove one of the two; without --env-file doctor looks at the environment.',
          ),
        ]),
  ]);
}

function warning(subject: string, text: string, cure: string): Finding {
  return { check: 'option', subject, verdict: 'warn', text, cure };
}
