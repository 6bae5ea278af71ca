// Loads an entry by require and by import, and prints the names that are not one and the same value in both.
import { createRequire } from 'node:module';

const entry = process.argv[2];
const required = createRequire(import.meta.url)(entry);
const { default: _default, 'module.exports': _whole, ...imported } = await import(entry);
const names = [...new Set([...Object.keys(required), ...Object.keys(imported)])].sort();
console.log(JSON.stringify({ names, different: names.filter((name) => required[name] !== imported[name]) }));
