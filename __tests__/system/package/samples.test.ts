import { join } from 'node:path';
import ts from 'typescript';
import { dropProjects, node, projectWith } from './project';

const EXPRESS = [
  { name: 'express 5', code: 'express', types: '@types/express' },
  { name: 'express 4', code: 'express4', types: '@types/express4' },
];
const ENTRIES = ['express-connect-auth', 'express-connect-auth/testing'];
const KINDS = ['commonjs', 'esm'];
const SIGNED_IN = { before: '{}', landed: '/token', after: '{"type":"bearer"}', exchanges: 1 };

const projects = new Map<string, string>();

beforeAll(async () => {
  await Promise.all(EXPRESS.map(async (express) => projects.set(express.name, await projectWith(express))));
});
afterAll(dropProjects);

function project(name = 'express 5'): string {
  return projects.get(name)!;
}

/** Runs the compiler that the project has installed; `0` and nothing else is success. */
function compile(folder: string, config: string): string {
  const { status, output } = node([join(folder, 'node_modules/typescript/bin/tsc'), '-p', config], folder);
  return `${status} ${output}`;
}

function signIn(folder: string, program: string): unknown {
  const { status, stdout, output } = node(['sign-in.mjs', join(folder, program)], folder);
  return status === 0 ? JSON.parse(stdout) : output;
}

describe.each(EXPRESS)('beside $name', ({ name }) => {
  test.each(KINDS)('a JavaScript app (%s) signs a visitor in', (kind) => {
    expect(signIn(project(name), `javascript-${kind}/main.js`)).toEqual(SIGNED_IN);
  });

  test.each(KINDS)('a TypeScript app (%s) compiles with all declarations checked, and signs a visitor in', (kind) => {
    expect(compile(project(name), `typescript-${kind}`)).toBe('0 ');
    expect(signIn(project(name), `typescript-${kind}/out/main.js`)).toEqual(SIGNED_IN);
  });
});

test.each(KINDS)(
  'the session is typed for who never imports express-session, and wrong uses do not compile (%s)',
  (kind) => {
    expect(compile(project(), `typescript-${kind}/tsconfig.typed.json`)).toBe('0 ');
  },
);

test.each(ENTRIES)('%s gives the same names and values to require and to import', (entry) => {
  const { status, stdout, output } = node(['identities.mjs', entry], project());
  if (status !== 0) throw new Error(output);
  const { names, different } = JSON.parse(stdout) as { names: string[]; different: string[] };
  expect(names).toContain(entry.endsWith('/testing') ? 'startSandbox' : 'ConnectError');
  expect(different).toEqual([]);
});

test('both entries declare the same types to require and to import', () => {
  const [required, imported] = KINDS.map((kind) => declaredNames(join(project(), `typescript-${kind}`)));
  expect(required).toEqual(imported);
  expect(required?.[0]).toContain('ConnectToken');
  expect(required?.[1]).toContain('Sandbox');
});

/** Names of all values and types that a program in `folder` can import from each entry, under the Node 16 rules. */
function declaredNames(folder: string): readonly (readonly string[])[] {
  const main = join(folder, 'main.ts');
  const program = ts.createProgram([main], {
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts'],
    types: [],
  });
  const checker = program.getTypeChecker();
  const imports = program.getSourceFile(main)?.statements.filter(ts.isImportDeclaration) ?? [];
  return ENTRIES.map((entry) => {
    const from = imports
      .map(({ moduleSpecifier }) => moduleSpecifier)
      .find((specifier) => ts.isStringLiteral(specifier) && specifier.text === entry);
    const symbol = from && checker.getSymbolAtLocation(from);
    if (!symbol) throw new Error(`${entry} does not resolve from ${folder}`);
    return checker
      .getExportsOfModule(symbol)
      .map(({ name }) => name)
      .sort();
  });
}
