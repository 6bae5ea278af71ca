import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { ConnectError, isConnectError, type ConnectErrorCode } from '../src';
import { readOptions } from '../src/options';
import { DOCUMENTED_API_CODES, DOCUMENTED_MESSAGES, errorForApiCode } from '../src/provider/error-table';
import { startSandbox, type Sandbox } from '../src/testing';
import { browser } from './support/app';

const root = join(__dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const documents = ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'CONTRIBUTING.md', 'docs/testing.md'];

/** Code blocks of one language, in the order of the text. */
function blocks(language: string): readonly string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gmsu'))].map(([, block = '']) => block);
}

/** Cells of the rows of the table whose header starts with this cell. */
function table(firstHeader: string): readonly (readonly string[])[] {
  const lines = readme.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${firstHeader} |`));
  const rest = lines.slice(start + 2);
  return rest.slice(0, rest.findIndex((line) => !line.startsWith('|')))
    .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
}

const unquoted = (cell = ''): string => /`([^`]+)`/u.exec(cell)?.[1] ?? '';

/** String literals or property names of an exported type, read from its source. */
function namesOf(file: string, declaration: RegExp, member: RegExp): readonly string[] {
  const text = declaration.exec(readFileSync(join(root, 'src', file), 'utf8'))?.[1] ?? '';
  return [...text.matchAll(member)].map(([, name = '']) => name);
}

const codes = namesOf('errors.ts', /type ConnectErrorCode =(.*?);/su, /'([A-Z_]+)'/gu) as readonly ConnectErrorCode[];
const optionNames = namesOf('options.ts', /interface ConnectAuthOptions \{(.*?)\n\}/su, /^ {2}readonly (\w+)\??:/gmu);

describe('the first example of README', () => {
  let folder: string;
  let sandbox: Sandbox;
  let child: ChildProcess | undefined;
  let output = '';

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'readme-'));
    const modules = join(folder, 'node_modules');
    const own = join(modules, 'express-connect-auth');
    mkdirSync(own, { recursive: true });
    cpSync(join(root, 'package.json'), join(own, 'package.json'));
    // A build of its own: `dist` may be absent or older than the source.
    execFileSync(process.execPath, [
      join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
      '-p', join(root, 'tsconfig.build.json'), '--noCheck', '--declaration', 'false', '--outDir', join(own, 'dist'),
    ], { stdio: 'pipe' });
    for (const name of ['express', 'express-session', 'axios', 'joi']) {
      symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction');
    }
    sandbox = await startSandbox();
  }, 60_000);

  afterAll(async () => {
    child?.kill('SIGKILL');
    await sandbox.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startPrinted(): Promise<string> {
    const port = await freePort();
    const url = `http://localhost:${port}`;
    writeFileSync(join(folder, 'app.mjs'), blocks('js')[0] ?? '');
    child = spawn(process.execPath, ['app.mjs'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        PORT: String(port),
        SESSION_SECRET: 'any',
        CONNECT_CLIENT_ID: sandbox.connectOptions.clientId,
        CONNECT_CLIENT_SECRET: sandbox.connectOptions.clientSecret,
        CONNECT_REDIRECT_URI: `${url}/connect/callback`,
        CONNECT_AUTHORIZE_URL: sandbox.connectOptions.authorizeUrl,
        CONNECT_TOKEN_URL: sandbox.connectOptions.tokenUrl,
      },
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text: Buffer) => (output += String(text)));
    await answering(url, child, () => output);
    return url;
  }

  test('has at most 16 lines and runs as printed: a visitor connects and sees the token type', async () => {
    expect((blocks('js')[0] ?? '').trimEnd().split('\n').length).toBeLessThanOrEqual(16);
    const url = await startPrinted();
    const visitor = browser();
    const first = await visitor.visit(`${url}/`);
    const link = /href="([^"]+)"/u.exec(first.body)?.[1] ?? '';
    expect([first.status, link]).toEqual([200, '/connect/authorize']);
    const started = await visitor.visit(url + link);
    const landed = await visitor.visit(await sandbox.allow(started.location));
    expect([landed.status, landed.location]).toEqual([302, '/']);
    expect((await visitor.visit(url + landed.location)).body).toBe('Connected (bearer)');
    expect(sandbox.calls.token).toBe(1);
  }, 60_000);
});

test('the first screen names exactly two set-up commands, and each script in them exists', () => {
  const scripts = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }).scripts;
  expect(blocks('sh')[0]).toBe('npm ci && npm run demo\nnpm ci && npm test\n');
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['demo', 'test']));
});

test('every TypeScript example of README compiles in strict mode', () => {
  const examples = new Map(blocks('ts').map((text, index) => [join(root, `example-${index}.ts`), text]));
  expect(examples.size).toBeGreaterThan(5);
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(join(root, 'tsconfig.json'), (name) => ts.sys.readFile(name)).config, ts.sys, root,
  );
  const host = ts.createCompilerHost(options);
  host.fileExists = (name) => examples.has(name) || ts.sys.fileExists(name);
  host.readFile = (name) => examples.get(name) ?? ts.sys.readFile(name);
  host.getSourceFile = (name, target) => {
    const text = host.readFile(name);
    return text === undefined ? undefined : ts.createSourceFile(name, text, target);
  };
  const program = ts.createProgram([...examples.keys()], options, host);
  const faults = [...examples.keys()].flatMap((name) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  });
  expect(faults.map((fault) => `${fault.file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(fault.messageText, ' ')}`))
    .toEqual([]);
}, 60_000);

describe('the tables of README', () => {
  test('list every option of the code, and no other', () => {
    expect(optionNames.length).toBeGreaterThan(20);
    expect(table('option').map(([name]) => unquoted(name)).sort()).toEqual([...optionNames].sort());
  });

  test.each(table('option').filter(([, value = '']) => value.startsWith('`')).map(([name, value]) => [unquoted(name), unquoted(value)]))(
    'give %s the default that the code gives it: %s',
    (name, value) => {
      const config = readOptions({
        clientId: 'id', clientSecret: 'secret', redirectUri: 'https://app.example/connect/callback',
      }) as unknown as Record<string, unknown>;
      const actual = config[name];
      expect(typeof actual === 'string' ? `'${actual}'` : String(actual)).toBe(value);
    },
  );

  test('name the options of later releases, each of which is refused', () => {
    const listed = /Their option names \((.*?)\) are refused/u.exec(readme)?.[1] ?? '';
    const later = [...listed.matchAll(/`(\w+)`/gu)].map(([, name = '']) => name);
    expect(later).toHaveLength(6);
    const refused = caught(() => readOptions({
      clientId: 'id', clientSecret: 'secret', redirectUri: 'https://app.example/connect/callback',
      ...Object.fromEntries(later.map((name) => [name, true])),
    }));
    for (const name of later) expect(refused).toContain(`${name} (not part of this version)`);
  });

  test('list every error code of the code with an anchor, and no other', () => {
    expect(codes.length).toBeGreaterThan(15);
    expect(table('code').map(([cell]) => unquoted(cell)).sort()).toEqual([...codes].sort());
    expect(table('code').map(([cell = '']) => /<a id="([a-z_]+)"><\/a>/u.exec(cell)?.[1]))
      .toEqual(table('code').map(([cell]) => unquoted(cell).toLowerCase()));
  });

  test.each(table('code').map(([cell, status]) => [unquoted(cell), status] as const))('give %s the status %s', (code, status) => {
    const own = new ConnectError(code as ConnectErrorCode).status;
    const byApiCode = DOCUMENTED_API_CODES.map(atSignIn).filter((error) => error?.code === code).map((error) => error?.status);
    const all = [...new Set([own, ...byApiCode])].sort();
    expect(status).toBe(all.join(' / '));
  });

  test('give every API code the status and error code that the provider layer gives it at sign-in', () => {
    expect(table('API code').map(([apiCode, , status, code]) => [apiCode, status, unquoted(code)]))
      .toEqual(DOCUMENTED_API_CODES.map((apiCode) => {
        const error = atSignIn(apiCode);
        return [String(apiCode), String(error?.status), error?.code];
      }));
    expect(table('API code').filter(([apiCode]) => Number(apiCode) >= 2000).map(([apiCode, meaning]) => [meaning, Number(apiCode)]))
      .toEqual(DOCUMENTED_MESSAGES);
  });
});

test('SECURITY, CHANGELOG and the package agree on the version', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const read = (name: string): string => readFileSync(join(root, name), 'utf8');
  expect(/^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$/mu.exec(read('CHANGELOG.md'))?.[1]).toBe(version);
  expect(read('SECURITY.md')).toContain(`| ${version.replace(/\d+$/u, 'x')} | yes |`);
});

describe.each(documents)('%s', (document) => {
  const text = readFileSync(join(root, document), 'utf8').replace(/^```.*?^```$/gmsu, '');
  const targets = [...text.matchAll(/\]\(([^)]+)\)/gu)].map(([, target = '']) => target).filter((target) => !/^https?:/u.test(target));

  test('links to files that exist and to headings that exist', () => {
    const broken = targets.filter((target) => {
      const [path = '', anchor = ''] = target.split('#');
      if (path !== '') return !existsSync(join(root, dirname(document), path));
      return !headings(text).includes(anchor);
    });
    expect(broken).toEqual([]);
  });
});

test('CONTRIBUTING names only source files that exist', () => {
  const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  const named = [...text.matchAll(/`((?:[a-z-]+\/)?[a-z-]+\.ts)`/gu)].map(([, path = '']) => path);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((path) => !existsSync(join(root, 'src', path)))).toEqual([]);
});

function atSignIn(apiCode: number): ConnectError | undefined {
  return errorForApiCode(apiCode, { stage: 'exchange', statusByApiCode: {} });
}

function caught(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (isConnectError(error)) return error.message;
    throw error;
  }
  return 'nothing was thrown';
}

/** Anchors that GitHub gives to headings. */
function headings(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gmu)]
    .map(([, title = '']) => title.toLowerCase().replace(/[^\w\- ]/gu, '').trim().replaceAll(' ', '-'));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** The printed app says nothing when it listens, so it is asked until it answers. */
async function answering(url: string, child: ChildProcess, output: () => string): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    if (child.exitCode !== null) break;
    const ready = await fetch(url).then((answer) => answer.ok, () => false);
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The example did not start: ${output()}`);
}
