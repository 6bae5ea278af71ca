import { join } from 'node:path';
import ts from 'typescript';
import { dropFolders, node, pack, projectWith } from './packed';

const EXPRESS = [
  { name: 'express 5', code: 'express', types: '@types/express' },
  { name: 'express 4', code: 'express4', types: '@types/express4' },
];
const ENTRIES = ['express-connect-auth', 'express-connect-auth/testing'];
const SIGNED_IN = { before: '{}', landed: '/token', after: '{"type":"bearer"}', exchanges: 1 };

let tarball = '';

beforeAll(() => {
  ({ tarball } = pack());
}, 120_000);
afterAll(dropFolders);

describe.each(EXPRESS)('installed beside $name', (express) => {
  let project = '';

  beforeAll(() => {
    project = projectWith(tarball, express);
  }, 240_000);

  function tsc(config: string): string {
    const { status, output } = node([join(project, 'node_modules/typescript/bin/tsc'), '-p', config], project);
    return `${status} ${output}`;
  }

  function signIn(program: string): unknown {
    const { status, stdout, output } = node(['sign-in.mjs', join(project, program)], project);
    return status === 0 ? JSON.parse(stdout) : output;
  }

  test.each(['javascript-commonjs', 'javascript-esm'])('a %s app signs a visitor in', (sample) => {
    expect(signIn(`${sample}/main.js`)).toEqual(SIGNED_IN);
  }, 60_000);

  test.each(['typescript-commonjs', 'typescript-esm'])('a %s app compiles with every library type checked, and signs a visitor in', (sample) => {
    expect(tsc(sample)).toBe('0 ');
    expect(signIn(`${sample}/out/main.js`)).toEqual(SIGNED_IN);
  }, 120_000);

  test.each(['typescript-commonjs', 'typescript-esm'])('a %s app has a typed session without importing express-session', (sample) => {
    expect(tsc(`${sample}/tsconfig.typed.json`)).toBe('0 ');
  }, 120_000);

  test.each(ENTRIES)('%s gives the same names and values to require and to import', (entry) => {
    const { output } = node(['identities.mjs', entry], project);
    expect(JSON.parse(output)).toEqual({ names: expect.arrayContaining([expect.any(String)]) as unknown, different: [] });
  });

  test.each(ENTRIES)('%s declares the same types to require and to import', (entry) => {
    const [required, imported] = ['commonjs', 'esm'].map((kind) => declaredNames(entry, join(project, `typescript-${kind}`)));
    expect(required).toEqual(imported);
    expect(required).toContain(entry.endsWith('testing') ? 'Sandbox' : 'ConnectToken');
  });
});

/** Names of all values and types that a program in `folder` can import from an entry, under the Node 16 rules. */
function declaredNames(entry: string, folder: string): readonly string[] {
  const main = join(folder, 'main.ts');
  const program = ts.createProgram([main], {
    module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16, target: ts.ScriptTarget.ES2022, noEmit: true,
  });
  const checker = program.getTypeChecker();
  const declaration = program.getSourceFile(main)?.statements.filter(ts.isImportDeclaration)
    .find(({ moduleSpecifier }) => ts.isStringLiteral(moduleSpecifier) && moduleSpecifier.text === entry);
  const symbol = declaration && checker.getSymbolAtLocation(declaration.moduleSpecifier);
  if (!symbol) throw new Error(`${entry} does not resolve from ${folder}`);
  return checker.getExportsOfModule(symbol).map(({ name }) => name).sort();
}
