'use strict';

const { AsyncLocalStorage } = require('node:async_hooks');
const vm = require('node:vm');
const { TestEnvironment } = require('jest-environment-node');

// Jest makes an AsyncLocalStorage for each test file and never disables it. Below Node 24 each of them costs every promise
// of every later file in the same process: one eighth of the whole run.
const inUse = new Set();
const { run } = AsyncLocalStorage.prototype;
AsyncLocalStorage.prototype.run = function (...given) {
  inUse.add(this);
  return run.apply(this, given);
};

// Jest compiles every module again for every test file: one fifth of the whole run. A script belongs to no context, so one
// of each module serves all the files of a process. (What this leaves out, import() with its callback, needs a flag of Node
// that no test is run with.)
const compiled = new Map();
const { compileFunction } = vm;
vm.compileFunction = (source, names, options) => {
  if (!options?.parsingContext) return compileFunction(source, names, options);
  const { filename, parsingContext } = options;
  let known = compiled.get(filename);
  if (known?.source !== source) {
    const head = `(function (${names.join()}) {`;
    const script = new vm.Script(`${head}${source}\n})`, { filename, columnOffset: -head.length });
    compiled.set(filename, (known = { source, script }));
  }
  return known.script.runInContext(parsingContext);
};

/** Node's environment, which disables what the file has used of them. */
module.exports = class extends TestEnvironment {
  async teardown() {
    await super.teardown();
    for (const storage of inUse) storage.disable();
    inUse.clear();
  }
};
