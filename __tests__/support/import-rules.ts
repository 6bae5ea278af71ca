import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import ts from 'typescript';

/** One import, export-from, dynamic import, `require()` or `import('…')` type of a source file. */
export interface Import {
  readonly specifier: string;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
}

/** What package.json allows a source file to name. */
export interface Packages {
  /** Dependencies and peers: may be loaded at run time. */
  readonly runtime: readonly string[];
  /** Peers that hold types only. */
  readonly types: readonly string[];
}

interface Layer {
  readonly name: string;
  /** Files as `name`, folders as `name/`; below `src`, without extension. */
  readonly members: readonly string[];
}

/** Low to high, as in CONTRIBUTING.md. A file may import from lower layers, and beside itself within its own folder. */
export const LAYERS: readonly Layer[] = [
  {
    name: 'base',
    members: ['own', 'opaque', 'bounded-map', 'error-words', 'reference', 'errors', 'debug', 'events', 'emit'],
  },
  { name: 'checks', members: ['checks/'] },
  {
    name: 'session, request',
    members: [
      'token',
      'seal',
      'session-label',
      'gone-sessions',
      'session-hooks',
      'session-token',
      'session',
      'living-session',
      'session-lock',
      'session-cookie',
      'return-to',
      'public-url',
      'request-kind',
      'query',
    ],
  },
  { name: 'provider', members: ['provider/'] },
  { name: 'refresh', members: ['refresh/'] },
  { name: 'redis', members: ['redis/'] },
  { name: 'error answers', members: ['error-page', 'respond'] },
  { name: 'options', members: ['options/'] },
  { name: 'journeys', members: ['login/', 'access/'] },
  { name: 'parts put together', members: ['connect-auth', 'testing/'] },
  { name: 'command line', members: ['cli/'] },
  { name: 'entries', members: ['index', 'cli'] },
];

/** Lists a file's imports in the order of the text. */
export function importsOf(path: string, text: string): readonly Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, typeOnly: boolean): void => {
    if (node && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, typeOnly });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnlyImport(node));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, isTypeOnlyExport(node));
    else if (ts.isImportEqualsDeclaration(node) && ts.isExternalModuleReference(node.moduleReference)) {
      add(node.moduleReference.expression, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && isLoader(node.expression)) add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true));
  return found;
}

function isTypeOnlyImport(node: ts.ImportDeclaration): boolean {
  const clause = node.importClause;
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  if (clause.name || !names || !ts.isNamedImports(names)) return false;
  return names.elements.length > 0 && names.elements.every((element) => element.isTypeOnly);
}

function isTypeOnlyExport(node: ts.ExportDeclaration): boolean {
  if (node.isTypeOnly) return true;
  const names = node.exportClause;
  return (
    !!names &&
    ts.isNamedExports(names) &&
    names.elements.length > 0 &&
    names.elements.every((element) => element.isTypeOnly)
  );
}

function isLoader(node: ts.Expression): boolean {
  return node.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(node) && node.text === 'require');
}

/**
 * Every breach of the layering in a source tree, one sentence each.
 * @param files - path below `src` (`login/callback.ts`) to text
 */
export function breaches(files: ReadonlyMap<string, string>, packages: Packages): readonly string[] {
  const faults: string[] = [];
  const graph = new Map<string, string[]>();
  const outside = new Map<string, string[]>();
  for (const [path, text] of files) {
    if (layerOf(path) === undefined) faults.push(`${path} belongs to no layer`);
    for (const found of importsOf(path, text)) {
      if (!found.specifier.startsWith('.')) {
        push(outside, path, found.specifier);
        faults.push(...packageBreaches(path, found, packages));
        continue;
      }
      const target = resolve(path, found.specifier, files);
      if (target === undefined) {
        faults.push(`${path} imports ${found.specifier}, which is no source file`);
        continue;
      }
      push(graph, path, target);
      faults.push(...inwardBreaches(path, target, found));
    }
  }
  return [...faults, ...cycles(graph), ...sessionBelowProvider(files, graph, outside)];
}

function inwardBreaches(path: string, target: string, { typeOnly }: Import): string[] {
  const from = layerOf(path);
  const to = layerOf(target);
  if (from === undefined || to === undefined) return [];
  const faults: string[] = [];
  if (to > from) faults.push(`${path} imports up: ${target}`);
  if (to === from && posix.dirname(path) !== posix.dirname(target)) faults.push(`${path} imports sideways: ${target}`);
  if (path.startsWith('testing/') && !target.startsWith('testing/') && !typeOnly) {
    faults.push(`${path} needs ${target} at run time: the sandbox stands alone`);
  }
  return faults;
}

function packageBreaches(path: string, { specifier, typeOnly }: Import, packages: Packages): string[] {
  if (specifier.startsWith('node:')) return [];
  if (builtinModules.includes(specifier)) return [`${path} imports ${specifier} without node:`];
  const parts = specifier.split('/');
  const name = specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
  const allowed = typeOnly ? [...packages.runtime, ...packages.types] : packages.runtime;
  return allowed.includes(name) ? [] : [`${path} imports ${specifier}, which is neither a dependency nor a peer`];
}

/** `provider/` must know neither Express nor the session, nor reach them through a file that does. */
function sessionBelowProvider(
  files: ReadonlyMap<string, string>,
  graph: ReadonlyMap<string, readonly string[]>,
  outside: ReadonlyMap<string, readonly string[]>,
): string[] {
  const faults: string[] = [];
  for (const start of files.keys()) {
    if (!start.startsWith('provider/')) continue;
    for (const path of reachableFrom(start, graph)) {
      const name = outside.get(path)?.find((specifier) => /^express(-session)?(\/|$)/.test(specifier));
      if (name !== undefined) faults.push(`${start} reaches ${name}${path === start ? '' : ` through ${path}`}`);
    }
  }
  return faults;
}

function reachableFrom(start: string, graph: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const seen = new Set([start]);
  // A Set iterates over what is added on the way.
  for (const path of seen) for (const target of graph.get(path) ?? []) seen.add(target);
  return seen;
}

function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const faults: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at !== -1) faults.push(`cycle: ${[...trail.slice(at), path].join(' > ')}`);
    if (at !== -1 || done.has(path)) return;
    for (const target of graph.get(path) ?? []) walk(target, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return faults;
}

function layerOf(path: string): number | undefined {
  const plain = path.replace(/\.m?ts$/, '');
  const index = LAYERS.findIndex(({ members }) =>
    members.some((member) => (member.endsWith('/') ? plain.startsWith(member) : plain === member)),
  );
  return index === -1 ? undefined : index;
}

function resolve(path: string, specifier: string, files: ReadonlyMap<string, string>): string | undefined {
  const target = posix.join(posix.dirname(path), specifier);
  const plain = target.replace(/\.(m?)js$/, '.$1ts');
  return [plain, `${target}.ts`, posix.join(target, 'index.ts')].find((candidate) => files.has(candidate));
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  map.set(key, [...(map.get(key) ?? []), value]);
}
