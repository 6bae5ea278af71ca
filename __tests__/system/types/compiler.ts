import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../../..');

/** Compiles files of this folder, and texts as if they stood in it, under the repository's own settings. */
export interface Compiled {
  readonly program: ts.Program;
  /** What the compiler says of a file, a line for each complaint: `TS<code> <text>`. */
  readonly complaints: (name: string) => readonly string[];
}

/** @param texts - by path from here; undefined: what the file on the disk says */
export function compile(texts: Readonly<Record<string, string | undefined>>): Compiled {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => readFileSync(path, 'utf8')) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
  const paths = new Map(Object.entries(texts).map(([name, text]) => [join(__dirname, name), text]));
  const host = ts.createCompilerHost(options);
  const [exists, read] = [host.fileExists.bind(host), host.readFile.bind(host)];
  host.fileExists = (path) => paths.has(path) || exists(path);
  host.readFile = (path) => paths.get(path) ?? read(path);
  const program = ts.createProgram([...paths.keys()], options, host);
  return {
    program,
    complaints(name) {
      const file = program.getSourceFile(join(__dirname, name));
      if (file === undefined) throw new Error(`There is no ${name}.`);
      const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
      return found.map(({ code, messageText }) => `TS${code} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
    },
  };
}

/** The names that an entry exports, with what they stand for. @param source - path below `src` */
export function exportsOf(program: ts.Program, source: string): ReadonlyMap<string, ts.Symbol> {
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(join(root, 'src', source));
  const entry = file && checker.getSymbolAtLocation(file);
  if (entry === undefined) throw new Error(`src/${source} exports nothing.`);
  return new Map(
    checker
      .getExportsOfModule(entry)
      .map((symbol) => [symbol.name, symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol]),
  );
}
