'use strict';

// Loads a TypeScript file in a bare node process: node typescript-process.cjs <file>, with EXPRESS=express4 on Express 4.
const Module = require('node:module');
const { join } = require('node:path');
const { transformFileSync } = require('@swc/core');

const configFile = join(__dirname, '../../.swcrc');

require.extensions['.ts'] = (module, filename) => {
  module._compile(transformFileSync(filename, { configFile }).code, filename);
};
const resolve = Module._resolveFilename;
Module._resolveFilename = function resolveExpress(request, ...rest) {
  return resolve.call(this, request === 'express' ? process.env.EXPRESS : request, ...rest);
};
require(process.argv[2]);
