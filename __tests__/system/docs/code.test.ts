import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { DOCTOR_HELP } from '../../../src/cli/doctor/doctor';
import { SANDBOX_HELP } from '../../../src/cli/sandbox';
import { DOCUMENTS, blocks, root, type Block } from './markdown';

const ALL = DOCUMENTS.flatMap((document) => blocks(document));
const named = (list: readonly Block[]): [string, Block][] =>
  list.map((block) => [`${block.document}:${block.line}`, block]);
const of = (language: string): [string, Block][] => named(ALL.filter((block) => block.language === language));

test('every fenced block says what it is, and there is a check for that', () => {
  // postgres.test.ts has the checks of sql and prisma.
  const checked = ['js', 'ts', 'json', 'sh', 'ini', 'mermaid', 'html', 'text', 'sql', 'prisma'];
  expect(
    ALL.filter(({ language }) => !checked.includes(language)).map(({ document, line }) => `${document}:${line}`),
  ).toEqual([]);
  expect(of('ts').length).toBeGreaterThan(15);
});

describe('every TypeScript example compiles in strict mode:', () => {
  const wrong = {
    'a wrong type': "import { connectAuth } from 'express-connect-auth';\nconnectAuth({ clientId: 1 });",
    'a wrong name': "import { connectOath } from 'express-connect-auth';\nconnectOath();",
  };
  const examples = of('ts').map(([name, { text }]) => [name, text] as const);
  // A session key that one example declares must not help another.
  const alone = examples.filter(([, text]) => text.includes('declare module'));
  const together = new Map([...examples.filter((example) => !alone.includes(example)), ...Object.entries(wrong)]);
  let faults: ReadonlyMap<string, readonly string[]>;
  beforeAll(() => {
    faults = new Map(
      [together, ...alone.map((example) => new Map([example]))].flatMap((texts) => [...faultsOf(texts)]),
    );
  });

  test.each(examples)('%s', (name) => expect(faults.get(name)).toEqual([]));
  test.each(Object.keys(wrong))('%s is noticed', (name) => expect(faults.get(name)).toHaveLength(1));
});

/** Faults by the name of the text; all of them are one program, as files in the package's own folder. */
function faultsOf(texts: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const paths = new Map([...texts].map(([name, text], index) => [join(root, `example-${index}.ts`), { name, text }]));
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), (name) => ts.sys.readFile(name)).config,
    ts.sys,
    root,
  );
  const host = ts.createCompilerHost(options);
  const fileExists = host.fileExists.bind(host);
  const readFile = host.readFile.bind(host);
  host.fileExists = (path) => paths.has(path) || fileExists(path);
  host.readFile = (path) => paths.get(path)?.text ?? readFile(path);
  host.getSourceFile = (path, target) => {
    const text = host.readFile(path);
    return text === undefined ? undefined : ts.createSourceFile(path, text, target);
  };
  const program = ts.createProgram([...paths.keys()], options, host);
  return new Map(
    [...paths].map(([path, { name }]) => {
      const file = program.getSourceFile(path);
      const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
      return [
        name,
        found.map((fault) => `${ts.flattenDiagnosticMessageText(fault.messageText, ' ')} at ${fault.start}`),
      ];
    }),
  );
}

/** Syntax alone, as a module (`import`, `await` at the top) or as a script. */
function syntaxFaults(text: string): readonly string[] {
  const { diagnostics = [] } = ts.transpileModule(text, {
    reportDiagnostics: true,
    fileName: 'example.mjs',
    compilerOptions: { allowJs: true, module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  });
  return diagnostics.map((fault) => ts.flattenDiagnosticMessageText(fault.messageText, ' '));
}

test('a syntax error of JavaScript is noticed', () => expect(syntaxFaults('const a = ;')).not.toEqual([]));

test.each(of('js'))('the JavaScript of %s is sound, and names only what our entries export', (_name, { text }) => {
  expect(syntaxFaults(text)).toEqual([]);
  const imports = [
    ...text.matchAll(/(?:import|const) \{([^}]*)\} (?:from|= require\()\s?'(express-connect-auth[^']*)'/gu),
  ];
  for (const [, names = '', entry = ''] of imports) {
    const exported = Object.keys(entries[entry] ?? {});
    expect(exported).toEqual(
      expect.arrayContaining(
        names
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== ''),
      ),
    );
  }
});

const entries: Readonly<Record<string, object>> = {
  'express-connect-auth': jest.requireActual('../../../src'),
  'express-connect-auth/postgres': jest.requireActual('../../../src/postgres'),
  'express-connect-auth/redis': jest.requireActual('../../../src/redis'),
  'express-connect-auth/testing': jest.requireActual('../../../src/testing'),
};

test.each(of('json').concat(of('ini')))('%s can be read', (_name, { language, text }) => {
  if (language === 'json') expect(() => JSON.parse(text) as unknown).not.toThrow();
  else expect(text.split('\n').filter((line) => line !== '' && !/^(?:#|[A-Z_]+=\S)/u.test(line))).toEqual([]);
});

const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> })
  .scripts;

/** What one command line calls, its comment left out; undefined where nobody here knows it. */
function isKnown(command: string): boolean {
  const words = command
    .trim()
    .replace(/^(?:[A-Z_]+=\S+ )+/u, '')
    .split(' ');
  const [program = '', first = '', second = ''] = words;
  if (program === 'npm' && first === 'run')
    return Object.hasOwn(scripts, words.filter((word) => !word.startsWith('-'))[2] ?? '');
  if (program === 'npm')
    return (
      ['ci', 'test', 'install', 'publish', 'ls'].includes(first) && (first !== 'test' || Object.hasOwn(scripts, 'test'))
    );
  if (program === 'npx' && first === 'jest') return command.includes('--testPathPatterns');
  if (program === 'npx') return first === 'express-connect-auth' && hasFlags(second, words.slice(3));
  if (program === 'node') return words.some((word) => word.endsWith('.mjs'));
  return program.startsWith('.') ? existsSync(join(root, program)) : false;
}

function hasFlags(command: string, words: readonly string[]): boolean {
  const help = { doctor: DOCTOR_HELP, sandbox: SANDBOX_HELP }[command];
  return (
    help !== undefined &&
    words.filter((word) => word.startsWith('--')).every((flag) => new RegExp(`^ +${flag}\\b`, 'mu').test(help))
  );
}

test('a command that does not exist is noticed', () => {
  expect(
    [
      'npm run nothing',
      'npx express-connect-auth cure',
      'npx express-connect-auth doctor --ofline',
      './nothing',
      'yarn',
    ].filter(isKnown),
  ).toEqual([]);
});

test.each(of('sh'))('the commands of %s exist, with the flags that are given', (_name, { text }) => {
  const commands = text
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/u, ''))
    .filter((line) => line.trim() !== '')
    .flatMap((line) => line.split(' && '));
  expect(commands.filter((command) => !isKnown(command))).toEqual([]);
});

test.each(of('mermaid'))('the picture of %s is a sequence between parties that take part', (_name, { text }) => {
  const [first, ...lines] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.trim());
  expect(first).toBe('sequenceDiagram');
  expect(lines.filter((line) => !/^(?:participant \w+ as \S.*|\w+-?->>\w+: \S.*|opt \S.*|end)$/u.test(line))).toEqual(
    [],
  );
});

test('commands named in the text exist: npm run …, npx express-connect-auth …', () => {
  const text = DOCUMENTS.map((document) => readFileSync(join(root, document), 'utf8')).join('\n');
  const inline = [...text.matchAll(/`((?:npm run|npx express-connect-auth) [^`]+)`/gu)].map(
    ([, command = '']) => command,
  );
  expect(inline.length).toBeGreaterThan(5);
  expect([...new Set(inline)].filter((command) => !/ --help$/u.test(command) && !isKnown(command))).toEqual([]);
});
