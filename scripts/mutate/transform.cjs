'use strict';
// A transformer for jest: makes the edits that MUTATE_EDITS lists before swc compiles a file. Nothing is written to src.
const { relative } = require('node:path');
const swc = require('@swc/jest');

const edits = JSON.parse(process.env.MUTATE_EDITS);

module.exports.createTransformer = ({ root, ...options }) => {
  const inner = swc.createTransformer(options);
  function edited(source, filename) {
    // From the end, so that the positions before an edit stay true.
    const ours = (edits[relative(root, filename)] ?? []).toSorted((a, b) => b.start - a.start);
    return ours.reduce((text, { start, end, after }) => text.slice(0, start) + after + text.slice(end), source);
  }
  return {
    process: (source, filename, context) => inner.process(edited(source, filename), filename, context),
    getCacheKey: (source, filename, context) => inner.getCacheKey(edited(source, filename), filename, context),
  };
};
