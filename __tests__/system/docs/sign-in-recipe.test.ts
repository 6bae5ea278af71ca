import { createContext, runInContext } from 'node:vm';
import { blocks } from './markdown';

const recipe = blocks('docs/recipes.md', 'js').find(({ text }) => text.includes('location.assign'))?.text ?? '';

/** A browser tab that meets the recipe on each page load, at an API that always says 401. */
function tab(): { readonly assigned: string[]; readonly outcomes: string[]; load: (nowMs: number) => Promise<void> } {
  const kept = new Map<string, string>();
  const assigned: string[] = [];
  const outcomes: string[] = [];
  return {
    assigned,
    outcomes,
    async load(nowMs) {
      const page = createContext({
        Date: { now: () => nowMs },
        fetch: () =>
          Promise.resolve({
            status: 401,
            json: () =>
              Promise.resolve({ loginUrl: '/connect/authorize', detail: 'Please connect your account again.' }),
          }),
        location: { pathname: '/reports', assign: (url: string) => assigned.push(url) },
        sessionStorage: {
          getItem: (name: string) => kept.get(name) ?? null,
          setItem: (name: string, value: string) => kept.set(name, value),
        },
      });
      const run = runInContext(`(async () => { ${recipe} })()`, page) as Promise<void>;
      outcomes.push(
        await run.then(
          () => 'goes on',
          (error: unknown) => (error as Error).message,
        ),
      );
    },
  };
}

test('the recipe for scripts goes to sign-in once, and then shows what is wrong for a minute', async () => {
  const { assigned, outcomes, load } = tab();
  for (const second of [0, 2, 4, 50]) await load(1_700_000_000_000 + second * 1000);
  expect(assigned).toEqual(['/connect/authorize?returnTo=%2Freports']);
  expect(outcomes).toEqual(['goes on', ...Array<string>(3).fill('Please connect your account again.')]);
  await load(1_700_000_000_000 + 61_000);
  expect(assigned.length).toBe(2);
});
