// `npm run example -- spa` starts an example with all that it needs; without a name it lists them.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startSandbox } from 'express-connect-auth/testing';
import { findPort } from './run-port.mjs';
import { findPostgres } from './run-postgres.mjs';
import { findRedis } from './run-redis.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
const modules = join(folder, '..', 'node_modules');

/** What the sandbox does differently for an example. */
const SHORT = { lifetimeSeconds: 10 };
const SWITCHES = { jobs: SHORT, postgres: SHORT, 'redis-cluster': SHORT };
/** What an example needs beside Node: it is found or started, and stopped again. */
const SERVICES = {
  jobs: findRedis,
  postgres: () => findPostgres(join(folder, 'postgres', 'tables.sql')),
  'redis-cluster': findRedis,
};

const examples = readdirSync(folder)
  .filter((name) => ['app.mjs', 'app.ts', 'app.test.js'].some((program) => existsSync(join(folder, name, program))))
  .sort();

try {
  const [name, ...more] = process.argv.slice(2);
  if (name === undefined) list();
  else if (!examples.includes(name) || more.length > 0) refuse([name, ...more].join(' '));
  else if (existsSync(join(folder, name, 'app.test.js'))) runTests(name);
  else await run(name);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

function list(print = console.log) {
  const width = Math.max(...examples.map((name) => name.length));
  print("Start an example, here with the first one's name:\n");
  print(`  npm run example -- ${examples[0]}\n`);
  for (const name of examples) print(`  ${name.padEnd(width)}  ${titleOf(name)}`);
}

function titleOf(name) {
  return /^# (.+)$/mu.exec(readFileSync(join(folder, name, 'README.md'), 'utf8'))?.[1] ?? '';
}

function refuse(name) {
  console.error(`There is no example "${name}".\n`);
  list(console.error);
  process.exitCode = 1;
}

function runTests(name) {
  const jest = join(modules, 'jest', 'bin', 'jest.js');
  // Plain JavaScript: nothing is to be compiled.
  const { status } = spawnSync(
    process.execPath,
    [jest, '--rootDir', join(folder, name), '--config', '{"transform":{}}'],
    {
      stdio: 'inherit',
    },
  );
  process.exitCode = status ?? 1;
}

async function run(name) {
  const children = [];
  let asked = false;
  const stop = () => {
    asked = true;
    for (const child of children) child.kill('SIGTERM');
  };
  // Not once: npm hands a Ctrl+C on that the terminal has sent here as well.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stop);
  const programs = programsOf(name);
  const port = await findPort(process.env.PORT);
  const service = await SERVICES[name]?.();
  const sandbox = await startSandbox({ switches: SWITCHES[name] ?? {} });
  if (!asked) {
    const env = { ...environment(sandbox, port), ...service?.env };
    for (const program of programs) children.push(spawn(process.execPath, [program], { stdio: 'inherit', env }));
    const ends = children.map(async (child, index) => {
      const [status, signal] = await once(child, 'exit');
      if (asked || signal === 'SIGINT') return;
      console.error(`${basename(programs[index])} has ended by itself.`);
      process.exitCode = status || 1;
      stop();
    });
    if (await answers(port, children[0])) greet(name, { port, service, sandbox });
    await Promise.all(ends);
  }
  await sandbox.close();
  await service?.stop();
}

function greet(name, { port, service, sandbox }) {
  console.log(`\n  ${titleOf(name)} (examples/${name})\n\n  Open      http://localhost:${port}`);
  console.log(`  Provider  the sandbox of this package, no account needed (${sandbox.url})`);
  if (service) console.log(`  ${service.label.padEnd(8)}  ${service.description}`);
  console.log('\n  Ctrl+C stops it.\n');
}

/** The programs of an example: its app, which listens, and beside it a worker if there is one. */
function programsOf(name) {
  const own = join(folder, name);
  if (existsSync(join(own, 'app.ts'))) return [compiled(name)];
  return ['app.mjs', 'worker.mjs'].map((program) => join(own, program)).filter((path) => existsSync(path));
}

/** TypeScript is compiled, and checked, against the built package. */
function compiled(name) {
  const own = join(folder, name);
  const tsc = join(modules, 'typescript', 'bin', 'tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(own, 'tsconfig.build.json')], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`examples/${name} does not compile.`);
  return join(own, 'dist', 'app.js');
}

/** What an app finds in its .env otherwise; CONNECT_* variables of yours must not lead it away from the sandbox. */
function environment({ connectOptions }, port) {
  const rest = Object.entries(process.env).filter(([variable]) => !variable.startsWith('CONNECT_'));
  return {
    ...Object.fromEntries(rest),
    PORT: String(port),
    SESSION_SECRET: randomBytes(32).toString('hex'),
    CONNECT_ENCRYPTION_KEYS: `example:${randomBytes(32).toString('hex')}`,
    CONNECT_CLIENT_ID: connectOptions.clientId,
    CONNECT_CLIENT_SECRET: connectOptions.clientSecret,
    CONNECT_REDIRECT_URI: `http://localhost:${port}/connect/callback`,
    CONNECT_AUTHORIZE_URL: connectOptions.authorizeUrl,
    CONNECT_TOKEN_URL: connectOptions.tokenUrl,
    CONNECT_API_BASE_URL: connectOptions.apiBaseUrl,
  };
}

/** Waits until the example listens. @returns whether it does; not when it has ended before */
async function answers(port, child) {
  while (child.exitCode === null && child.signalCode === null) {
    if (await accepts(port)) return true;
    await sleep(50);
  }
  return false;
}

async function accepts(port) {
  const socket = connect(port, 'localhost');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
