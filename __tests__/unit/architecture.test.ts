import { readFileSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import { breaches, importsOf, type Packages } from '../support/import-rules';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const root = join(__dirname, '../..');

function packagesOf({ dependencies, peerDependencies }: Manifest): Packages {
  const names = Object.keys({ ...dependencies, ...peerDependencies });
  return {
    runtime: names.filter((name) => !name.startsWith('@types/')),
    types: names.filter((name) => name.startsWith('@types/')),
  };
}

function sourceTree(): ReadonlyMap<string, string> {
  const src = join(root, 'src');
  const names = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => /\.m?ts$/.test(name));
  return new Map(names.map((name) => [name.split(sep).join('/'), readFileSync(join(src, name), 'utf8')]));
}

const packages = packagesOf(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest);

test('every import of src points down to a lower layer, and none goes in a circle', () => {
  const files = sourceTree();
  expect(files.size).toBeGreaterThan(3);
  expect(breaches(files, packages)).toEqual([]);
});

test('every form of import is seen, and types are told from values', () => {
  const text = `
    import a from 'a'; import * as b from 'b'; import 'c'; import type { D } from 'd'; import { type E } from 'e';
    import { type F, f } from 'f'; export * from 'g'; export type { H } from 'h'; export { type I } from 'i';
    export type {} from 'j'; import k = require('k'); const l = require('l'); const m = import('m');
    let n: import('n').N; // import o from 'o'
    const p = "import p from 'p'";
  `;
  const seen = importsOf('x.ts', text);
  expect(seen.filter(({ typeOnly }) => !typeOnly).map(({ specifier }) => specifier)).toEqual([
    'a',
    'b',
    'c',
    'f',
    'g',
    'k',
    'l',
    'm',
  ]);
  expect(seen.filter(({ typeOnly }) => typeOnly).map(({ specifier }) => specifier)).toEqual([
    'd',
    'e',
    'h',
    'i',
    'j',
    'n',
  ]);
});

describe('the rule goes red', () => {
  const rows: readonly [string, Readonly<Record<string, string>>, readonly string[]][] = [
    [
      'on an import that points up',
      {
        'errors.ts': "import type { ConnectToken } from './token';",
        'token.ts': '',
      },
      ['errors.ts imports up: token.ts'],
    ],
    [
      'when one journey imports the other',
      {
        'login/callback.ts': "import { getToken } from '../access/token-source';",
        'access/token-source.ts': '',
      },
      ['login/callback.ts imports sideways: access/token-source.ts'],
    ],
    [
      'on a circle between neighbours',
      {
        'login/authorize.ts': "import './callback';",
        'login/callback.ts': "import type {} from './authorize';",
      },
      ['cycle: login/authorize.ts > login/callback.ts > login/authorize.ts'],
    ],
    [
      'when the provider knows Express',
      {
        'provider/endpoints.ts': "import type { Request } from 'express';",
      },
      ['provider/endpoints.ts reaches express'],
    ],
    [
      'when the provider reaches the session through another file',
      {
        'provider/endpoints.ts': "import '../session';",
        'session.ts': "export type {} from 'express-session';",
      },
      ['provider/endpoints.ts reaches express-session through session.ts'],
    ],
    [
      'when the sandbox loads a part of the library',
      {
        'testing/index.ts': "import { ConnectError } from '../errors';",
        'errors.ts': '',
      },
      ['testing/index.ts needs errors.ts at run time: the sandbox stands alone'],
    ],
    ['on a file that belongs to no layer', { 'utils.ts': '' }, ['utils.ts belongs to no layer']],
    [
      'on a package that users do not get',
      {
        'options/read.ts': "import 'supertest';",
      },
      ['options/read.ts imports supertest, which is neither a dependency nor a peer'],
    ],
    [
      'on types that are loaded as values',
      {
        'options/read.ts': "import '@types/express';",
      },
      ['options/read.ts imports @types/express, which is neither a dependency nor a peer'],
    ],
    [
      'on a builtin without node:',
      { 'options/read.ts': "import 'http';" },
      ['options/read.ts imports http without node:'],
    ],
    [
      'on a file that does not exist',
      {
        'options/read.ts': "import './gone';",
      },
      ['options/read.ts imports ./gone, which is no source file'],
    ],
  ];
  test.each(rows)('%s', (_title, files, expected) => {
    expect(breaches(new Map(Object.entries(files)), packages)).toEqual(expected);
  });
  test('and stays green on imports that point down', () => {
    const files = {
      'index.mts': "export { connectAuth } from './index.js';",
      'index.ts': "export { connectAuth } from './connect-auth';",
      'connect-auth.ts': "import { authorize } from './login/authorize'; import 'express';",
      'login/authorize.ts': "import { endpoints } from '../provider';",
      'provider/index.ts': "import axios from 'axios'; import { request } from 'node:http';",
      'testing/index.ts': "import type { ConnectToken } from '../token';",
      'token.ts': '',
    };
    expect(breaches(new Map(Object.entries(files)), packages)).toEqual([]);
  });
});
