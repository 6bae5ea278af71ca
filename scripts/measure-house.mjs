// Measures how much of src/ a reader has to know: the files and functions of ours that one request runs (V8's precise
// coverage of the compiled code, once a first journey has warmed everything up), how many files lie loose, and their sizes.
// Usage: npm run --silent build && node scripts/measure-house.mjs [folder of another built checkout]
import { readdir, readFile } from 'node:fs/promises';
import http from 'node:http';
import inspector from 'node:inspector/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(process.argv[2] ?? path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const require = createRequire(path.join(root, 'package.json'));
const express = require('express');
const session = require('express-session');
const { connectAuth } = require(path.join(root, 'dist/index.js'));
const { startSandbox } = require(path.join(root, 'dist/testing/index.js'));

const profiler = new inspector.Session();
profiler.connect();
await profiler.post('Profiler.enable');
await profiler.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });

const sandbox = await startSandbox();
const app = express();
app.use(session({ secret: 'of the measurement', resave: false, saveUninitialized: false }));
const server = http.createServer(app).listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;
const connect = connectAuth({ ...sandbox.connectOptions, redirectUri: `${origin}/connect/callback` });
app.use(connect);
app.get('/profile', async (req, res) => {
  const { data } = await connect.client(req).get('/me');
  res.json(data);
});

let cookie = '';

async function visit(address, expected) {
  const headers = { cookie, accept: 'text/html' };
  const response = await globalThis.fetch(new URL(address, origin), { headers, redirect: 'manual' });
  const body = await response.text();
  if (response.status !== expected) throw new Error(`${address} answered ${response.status}: ${body}`);
  const [set] = response.headers.getSetCookie();
  if (set !== undefined) [cookie] = set.split(';', 1);
  return response.headers.get('location');
}

/** The files and functions of ours that run during `work`. */
async function measured(work) {
  await profiler.post('Profiler.takePreciseCoverage');
  const value = await work();
  const { result } = await profiler.post('Profiler.takePreciseCoverage');
  const dist = path.join(root, 'dist') + path.sep;
  const ours = result.filter(({ url }) => {
    const file = url.startsWith('file:') ? fileURLToPath(url) : url;
    return file.startsWith(dist) && !/^(?:testing|cli)\b/u.test(file.slice(dist.length));
  });
  const counts = ours
    .map(({ functions }) => functions.filter(({ ranges }) => ranges[0].count > 0).length)
    .filter((count) => count > 0);
  return { value, files: counts.length, functions: counts.reduce((sum, count) => sum + count, 0) };
}

async function journey() {
  cookie = '';
  const authorize = await measured(() => visit('/connect/authorize', 302));
  const callbackUrl = await sandbox.allow(authorize.value);
  const callback = await measured(() => visit(callbackUrl, 302));
  const call = await measured(() => visit('/profile', 200));
  sandbox.expireAccessTokens();
  const refresh = await measured(() => visit('/profile', 200));
  return { authorize, callback, 'API call': call, 'API call, 401 and refresh': refresh };
}

await journey();
const rows = await journey();
server.close();
server.closeAllConnections();
await connect.close();
await sandbox.close();
profiler.disconnect();

const sources = (await readdir(path.join(root, 'src'), { recursive: true })).filter((file) => /\.m?ts$/u.test(file));
const sizes = await Promise.all(
  sources.map(async (file) => (await readFile(path.join(root, 'src', file), 'utf8')).trimEnd().split('\n').length),
);
const inOrder = sizes.toSorted((a, b) => a - b);
const figures = {
  ...Object.fromEntries(
    Object.entries(rows).map(([name, { files, functions }]) => [name, `${files} files, ${functions} functions`]),
  ),
  'loose files in src/': sources.filter((file) => !file.includes(path.sep)).join(', '),
  'files, median and largest': `${sizes.length}, ${inOrder[Math.floor(sizes.length / 2)]} and ${inOrder.at(-1)} lines`,
};
for (const [name, figure] of Object.entries(figures)) console.log(`${name.padEnd(28)} ${figure}`);
