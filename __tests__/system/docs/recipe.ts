import { transformSync } from '@swc/core';
import { blocks } from './markdown';

/** What a recipe finds when it runs. */
export interface Surroundings {
  /** By the name that it imports. */
  readonly modules?: Readonly<Record<string, unknown>>;
  /** What it declares and does not define, or what is another one here: `process`. */
  readonly globals?: Readonly<Record<string, unknown>>;
  /** Changes the compiled recipe, to show what a part of it is for. */
  readonly change?: (code: string) => string;
  /** Of its own, without `export` in print. */
  readonly exports?: readonly string[];
}

/**
 * Runs a recipe of docs/recipes.md as it is printed.
 * @param words - that only this block holds
 * @returns what it exports
 */
export function runRecipe(words: string, surroundings: Surroundings): object {
  const { modules = {}, globals = {}, change = (code: string) => code, exports: more = [] } = surroundings;
  const found = blocks('docs/recipes.md').filter(
    ({ language, text }) => ['ts', 'js'].includes(language) && text.includes(words),
  );
  if (found.length !== 1) throw new Error(`${found.length} blocks of docs/recipes.md hold ${words}`);
  const { code } = transformSync(
    `${found[0]?.text ?? ''}${more.length > 0 ? `\nexport { ${more.join(', ')} };` : ''}`,
    {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'commonjs' },
    },
  );
  const exported = {};
  const changed = change(code);
  if (surroundings.change !== undefined && changed === code) throw new Error('the change changes nothing');
  const names = { require: (name: string) => modules[name], exports: exported, ...globals };
  // In the realm of the test, so that Express takes a promise of the recipe for one.
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  new Function(...Object.keys(names), changed)(...Object.values(names));
  return exported;
}
