import { join } from 'node:path';
import ts from 'typescript';
import { packed, root } from '../../support/packed';

const ENTRIES = ['index', 'postgres', 'redis', 'testing/index'];

/** Every name that a file exports, and every member of it from this package: what an editor says of it. */
function textsOf(file: string, own: string): ReadonlyMap<string, string> {
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    // Beside the unpacked package lies what users install, without types.
    paths: { '*': [join(root, 'node_modules/@types/*'), join(root, 'node_modules/*')] },
  });
  const checker = program.getTypeChecker();
  const isOurs = ({ declarations = [] }: ts.Symbol): boolean =>
    declarations.some((declaration) => declaration.getSourceFile().fileName.startsWith(own));
  const said = (symbol: ts.Symbol): string =>
    JSON.stringify([
      ts.displayPartsToString(symbol.getDocumentationComment(checker)),
      ...symbol.getJsDocTags(checker).map(({ name, text }) => `${name} ${ts.displayPartsToString(text)}`),
    ]);
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)!)!);
  return new Map(
    exported
      .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
      .flatMap((symbol): (readonly [string, string])[] => {
        const type = symbol.flags & ts.SymbolFlags.Value ? checker.getTypeOfSymbol(symbol) : undefined;
        const members = [checker.getDeclaredTypeOfSymbol(symbol), ...(type === undefined ? [] : [type])]
          .flatMap((each) => checker.getPropertiesOfType(each))
          .filter(isOurs);
        return [
          [symbol.name, said(symbol)],
          ...members.map((member) => [`${symbol.name}.${member.name}`, said(member)] as const),
        ];
      }),
  );
}

test.each(ENTRIES)('an editor says of every name and member of %s what the source says of it', (entry) => {
  const source = textsOf(join(root, `src/${entry}.ts`), join(root, 'src/'));
  const published = textsOf(join(packed().folder, `dist/${entry}.d.ts`), packed().folder);
  expect(source.size).toBeGreaterThan(5);
  expect(Object.fromEntries(published)).toEqual(Object.fromEntries(source));
});
