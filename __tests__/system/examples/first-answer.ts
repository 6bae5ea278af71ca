import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from './stage';

/** The first answer of a program that does not say when it listens; redirects are not followed. */
export async function firstAnswer(url: string, program: Running): Promise<Response> {
  const over = program.ended().then(() => true);
  do {
    const answer = await fetch(url, { redirect: 'manual' }).catch(() => undefined);
    if (answer !== undefined) return answer;
  } while (!(await Promise.race([over, sleep(50, false)])));
  throw new Error(`ended without an answer: ${program.output()}`);
}
