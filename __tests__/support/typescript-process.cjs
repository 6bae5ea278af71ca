'use strict';

// Loads a TypeScript file in a bare node process: node typescript-process.cjs <file>, with EXPRESS=express4 on Express 4.
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const ts = require('typescript');

const compilerOptions = {
  module: ts.ModuleKind.CommonJS,
  target: ts.ScriptTarget.ES2022,
  esModuleInterop: true,
  ignoreDeprecations: '6.0',
};
require.extensions['.ts'] = (module, filename) => {
  module._compile(
    ts.transpileModule(readFileSync(filename, 'utf8'), { compilerOptions, fileName: filename }).outputText,
    filename,
  );
};
const resolve = Module._resolveFilename;
Module._resolveFilename = function resolveExpress(request, ...rest) {
  return resolve.call(this, request === 'express' ? process.env.EXPRESS : request, ...rest);
};
require(process.argv[2]);
