import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { DOCTOR_HELP, SANDBOX_HELP } from '../../src/cli/help';
import { DOCUMENTS, blocks, root, type Block } from './markdown';

const ALL = DOCUMENTS.flatMap((document) => blocks(document));
const named = (list: readonly Block[]): [string, Block][] => list.map((block) => [`${block.document}:${block.line}`, block]);
const of = (language: string): [string, Block][] => named(ALL.filter((block) => block.language === language));

test('every fenced block says what it is, and there is a check for that', () => {
  const checked = ['js', 'ts', 'json', 'sh', 'ini', 'mermaid', 'html', 'text'];
  expect(ALL.filter(({ language }) => !checked.includes(language)).map(({ document, line }) => `${document}:${line}`)).toEqual([]);
  expect(of('ts').length).toBeGreaterThan(15);
});

describe('every TypeScript example compiles in strict mode, by itself:', () => {
  // Files of their own, so that a declaration in one (of a session key, say) helps no other.
  const examples = new Map(of('ts').map(([name, { text }]) => [name, text]));
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), (name) => ts.sys.readFile(name)).config, ts.sys, root,
  );
  const parsed = new Map<string, ts.SourceFile | undefined>();

  function faultsOf(text: string): readonly string[] {
    const path = join(root, 'example.ts');
    const host = ts.createCompilerHost(options);
    const fileExists = host.fileExists.bind(host);
    const readFile = host.readFile.bind(host);
    host.fileExists = (name) => name === path || fileExists(name);
    host.readFile = (name) => (name === path ? text : readFile(name));
    host.getSourceFile = (name, target) => {
      if (name === path) return ts.createSourceFile(name, text, target);
      if (!parsed.has(name)) {
        const content = readFile(name);
        parsed.set(name, content === undefined ? undefined : ts.createSourceFile(name, content, target));
      }
      return parsed.get(name);
    };
    const program = ts.createProgram([path], options, host);
    const file = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]
      .map((fault) => `${ts.flattenDiagnosticMessageText(fault.messageText, ' ')} at ${fault.start}`);
  }

  test('a mistake is noticed', () => {
    expect(faultsOf("import { connectAuth } from 'express-connect-auth';\nconnectAuth({ clientId: 1 });")).not.toEqual([]);
    expect(faultsOf("import { connectOath } from 'express-connect-auth';\nconnectOath();")).not.toEqual([]);
  }, 120_000);

  test.each([...examples])('%s', (_name, text) => {
    expect(faultsOf(text)).toEqual([]);
  }, 120_000);
});

/** Syntax alone, as a module (`import`, `await` at the top) or as a script. */
function syntaxFaults(text: string): readonly string[] {
  const { diagnostics = [] } = ts.transpileModule(text, {
    reportDiagnostics: true, fileName: 'example.mjs',
    compilerOptions: { allowJs: true, module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 },
  });
  return diagnostics.map((fault) => ts.flattenDiagnosticMessageText(fault.messageText, ' '));
}

test('a syntax error of JavaScript is noticed', () => expect(syntaxFaults('const a = ;')).not.toEqual([]));

test.each(of('js'))('the JavaScript of %s is sound, and names only what our entries export', (_name, { text }) => {
  expect(syntaxFaults(text)).toEqual([]);
  const imports = [...text.matchAll(/(?:import|const) \{([^}]*)\} (?:from|= require\()\s?'(express-connect-auth[^']*)'/gu)];
  for (const [, names = '', entry = ''] of imports) {
    const exported = Object.keys(entries[entry] ?? {});
    expect(exported).toEqual(expect.arrayContaining(names.split(',').map((name) => name.trim()).filter((name) => name !== '')));
  }
});

const entries: Readonly<Record<string, object>> = {
  'express-connect-auth': jest.requireActual('../../src'),
  'express-connect-auth/redis': jest.requireActual('../../src/redis'),
  'express-connect-auth/testing': jest.requireActual('../../src/testing'),
};

test.each(of('json').concat(of('ini')))('%s can be read', (_name, { language, text }) => {
  if (language === 'json') expect(() => JSON.parse(text) as unknown).not.toThrow();
  else expect(text.split('\n').filter((line) => line !== '' && !/^(?:#|[A-Z_]+=\S)/u.test(line))).toEqual([]);
});

const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }).scripts;

/** What one command line calls, its comment left out; undefined where nobody here knows it. */
function isKnown(command: string): boolean {
  const words = command.trim().replace(/^(?:[A-Z_]+=\S+ )+/u, '').split(' ');
  const [program = '', first = '', second = ''] = words;
  if (program === 'npm' && first === 'run') return Object.hasOwn(scripts, words.filter((word) => !word.startsWith('-'))[2] ?? '');
  if (program === 'npm') return ['ci', 'test', 'install', 'publish', 'ls'].includes(first) && (first !== 'test' || Object.hasOwn(scripts, 'test'));
  if (program === 'npx' && first === 'jest') return command.includes('--testPathPatterns');
  if (program === 'npx') return first === 'express-connect-auth' && hasFlags(second, words.slice(3));
  if (program === 'node') return words.some((word) => word.endsWith('.mjs'));
  return program.startsWith('.') ? existsSync(join(root, program)) : false;
}

function hasFlags(command: string, words: readonly string[]): boolean {
  const help = { doctor: DOCTOR_HELP, sandbox: SANDBOX_HELP }[command];
  return help !== undefined && words.filter((word) => word.startsWith('--')).every((flag) => new RegExp(`^ +${flag}\\b`, 'mu').test(help));
}

test('a command that does not exist is noticed', () => {
  expect(['npm run nothing', 'npx express-connect-auth cure', 'npx express-connect-auth doctor --ofline', './nothing', 'yarn'].filter(isKnown)).toEqual([]);
});

test.each(of('sh'))('the commands of %s exist, with the flags that are given', (_name, { text }) => {
  const commands = text.split('\n').map((line) => line.replace(/\s+#.*$/u, '')).filter((line) => line.trim() !== '')
    .flatMap((line) => line.split(' && '));
  expect(commands.filter((command) => !isKnown(command))).toEqual([]);
});

test.each(of('mermaid'))('the picture of %s is a sequence between parties that take part', (_name, { text }) => {
  const [first, ...lines] = text.trimEnd().split('\n').map((line) => line.trim());
  expect(first).toBe('sequenceDiagram');
  expect(lines.filter((line) => !/^(?:[\w ]+-?->>[\w ]+: \S.*|opt \S.*|end)$/u.test(line))).toEqual([]);
});

test('commands named in the text exist: npm run …, npx express-connect-auth …', () => {
  const text = DOCUMENTS.map((document) => readFileSync(join(root, document), 'utf8')).join('\n');
  const inline = [...text.matchAll(/`((?:npm run|npx express-connect-auth) [^`]+)`/gu)].map(([, command = '']) => command);
  expect(inline.length).toBeGreaterThan(5);
  expect([...new Set(inline)].filter((command) => !/ --help$/u.test(command) && !isKnown(command))).toEqual([]);
});
