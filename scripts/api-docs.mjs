// Writes docs/api from the TSDoc of the three entries. Names without a text, links that lead nowhere and types that no
// entry exports are errors. With --check it writes elsewhere, and exits with 1 when docs/api is not the same.
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, Converter, LiteralType, ReflectionKind, UnionType } from 'typedoc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const committed = join(root, 'docs/api');
const isCheck = process.argv.includes('--check');

/** The pages of a folder by name. */
function pagesOf(folder) {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    names.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(folder.length + 1), readFileSync(path, 'utf8')];
    }),
  );
}

async function write(folder) {
  const app = await Application.bootstrapWithPlugins({
    name: 'express-connect-auth',
    entryPoints: ['src/index.ts', 'src/postgres.ts', 'src/redis.ts', 'src/testing/index.ts'],
    tsconfig: join(root, 'tsconfig.build.json'),
    plugin: ['typedoc-plugin-markdown'],
    out: folder,
    outputFileStrategy: 'modules',
    readme: 'none',
    // The same on every machine and day: no addresses of sources, no dates, no versions.
    disableSources: true,
    disableGit: true,
    excludeExternals: true,
    sort: ['source-order'],
    pageTitleTemplates: {
      module: ({ name }) => (name === 'index' ? 'express-connect-auth' : `express-connect-auth/${name}`),
    },
    hidePageHeader: true,
    hideBreadcrumbs: true,
    parametersFormat: 'table',
    interfacePropertiesFormat: 'table',
    classPropertiesFormat: 'table',
    typeDeclarationFormat: 'table',
    tableColumnSettings: { hideInherited: true, hideOverrides: true, hideModifiers: true, hideSources: true },
    validation: { notExported: true, invalidLink: true, rewrittenLink: true, notDocumented: true },
    // Of functions and members the hover text tests see more: what a name says by itself needs no text.
    requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Variable'],
    intentionallyNotExported: ['Env', 'UncheckedBody', 'CODES', 'CodeRow', 'OwnReason', 'Anything'],
    logLevel: 'Warn',
  });
  listNames(app);
  const project = await app.convert();
  if (project === undefined) return false;
  app.validate(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) return false;
  await app.generateOutputs(project);
  return !app.logger.hasErrors() && !app.logger.hasWarnings();
}

/** Shows a type that is the names of a table's rows as these names. */
function listNames({ converter }) {
  const namesOf = new Map();
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.kind !== ReflectionKind.TypeAlias) return;
    const { types } = context.checker.getDeclaredTypeOfSymbol(context.getSymbolFromReflection(reflection));
    if (types?.every((type) => type.isStringLiteral())) namesOf.set(reflection, types);
  });
  converter.on(Converter.EVENT_RESOLVE_BEGIN, () => {
    for (const [reflection, types] of namesOf) {
      if (reflection.type.type !== 'union')
        reflection.type = new UnionType(types.map(({ value }) => new LiteralType(value)));
    }
  });
}

/** What typedoc cannot be told. */
function finish(folder) {
  for (const [name, text] of pagesOf(folder)) {
    // In a column of defaults "undefined" reads as if a required option had one, and "..." is the row of a table.
    writeFileSync(join(folder, name), text.replace(/\| `(?:undefined|\.\.\.)` \|/gu, '| - |'));
  }
}

/** Names of the pages that differ, or that only one of the two folders has. */
function differences(folder, other) {
  const [pages, others] = [pagesOf(folder), pagesOf(other)];
  return [...new Set([...pages.keys(), ...others.keys()])]
    .filter((name) => pages.get(name) !== others.get(name))
    .sort();
}

process.chdir(root);
const fresh = mkdtempSync(join(tmpdir(), 'connect-auth-docs-'));
try {
  if (!(await write(fresh))) {
    process.exitCode = 1;
  } else {
    finish(fresh);
    const stale = existsSync(committed) ? differences(fresh, committed) : ['everything'];
    if (!isCheck) {
      rmSync(committed, { recursive: true, force: true });
      cpSync(fresh, committed, { recursive: true });
    } else if (stale.length > 0) {
      console.error(`docs/api is not what the source says (${stale.join(', ')}): npm run docs.`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
