import { spawn } from 'node:child_process';
import path from 'node:path';
import { cleanup } from '../../support/cleanup';
import { findSecrets, type Secret } from '../../support/find-secret';
import type { Report, Sighting } from '../../support/leaky-world';
import { startRedis } from '../../support/redis-server';
import { describeInRedis, redisServerPath } from '../../support/requires';

const LOADER = path.join(__dirname, '../../support/typescript-process.cjs');

interface Run extends Report {
  readonly stdout: string;
  readonly stderr: string;
}

/** Which Express this jest project maps `express` to. */
function expressName(): string {
  return /express4/u.test(require.resolve('express')) ? 'express4' : 'express';
}

function runWorld(script: string, env: Record<string, string>): Promise<Run> {
  const child = spawn(process.execPath, [LOADER, path.join(__dirname, '../../support', script)], {
    env: { PATH: process.env['PATH'], EXPRESS: expressName(), ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  cleanup(() => child.kill('SIGKILL'));
  const printed = { stdout: '', stderr: '' };
  let report: Report | undefined;
  child.stdout!.on('data', (chunk: Buffer) => void (printed.stdout += chunk.toString()));
  child.stderr!.on('data', (chunk: Buffer) => void (printed.stderr += chunk.toString()));
  child.on('message', (message) => void (report = message as Report));
  return new Promise((resolve, reject) => {
    child.on('close', (exitCode) => {
      if (exitCode === 0 && report !== undefined) resolve({ ...report, ...printed });
      else reject(new Error(`the process ended with ${exitCode}: ${printed.stderr}`));
    });
  });
}

const HANDLERS = {
  'our handler': { RENDER_ERRORS: 'yes', NODE_ENV: 'test' },
  'our handler in production': { RENDER_ERRORS: 'yes', NODE_ENV: 'production' },
  "Express's own handler": { RENDER_ERRORS: 'no', NODE_ENV: 'test' },
  "Express's own handler in production": { RENDER_ERRORS: 'no', NODE_ENV: 'production' },
};

describe.each(Object.keys(HANDLERS))('with %s', (name) => {
  let world: Run;
  beforeAll(async () => {
    world = await worlds[name]!;
  });

  test('no failure shows a secret in body, headers, events or dumps, in any spelling', () => {
    const secrets = unique(world.secrets);
    const leaks = world.sightings.flatMap(({ scenario, sink, text }) => {
      const inUse = secrets.filter((secret) => secret.scenario === undefined || secret.scenario === scenario);
      return findSecrets(text, inUse).map((secret) => `${scenario}: ${sink}: ${secret}`);
    });
    expect([...new Set(leaks)]).toEqual([]);
  });

  test('nothing printed holds a secret, with NODE_DEBUG=connect-auth', () => {
    expect(world.stderr).toMatch(/CONNECT-AUTH \d+: /u);
    expect(findSecrets(world.stdout + world.stderr, unique(world.secrets))).toEqual([]);
  });

  // Express's own handler shows a visitor no reference.
  if (name.startsWith('our handler')) {
    test('the reference that a visitor sees of a failure is found in what was printed', () => {
      const { shown, missing } = references(world);
      expect(shown).toBeGreaterThan(100);
      expect(missing).toEqual([]);
    });
  }

  test('each scenario ended as planned', () => {
    const { statuses } = world;
    const unexpected = Object.entries(statuses).filter(([name, status]) => !expected(name).includes(status));
    expect(unexpected).toEqual([]);
    expect(Object.keys(statuses).length).toBe(1 + 34 + 14 + 13 + 12 + 1 + 8);
    const names = new Set(world.secrets.map((secret) => secret.name));
    expect([...names].sort()).toEqual([
      'access token',
      'access token key',
      'client secret',
      'code',
      'refresh token',
      'session id',
      'state',
      'verifier',
    ]);
  });
});

function expected(name: string): number[] {
  if (name === 'a sign-in that succeeds' || (name.startsWith('store destroy') && name.endsWith('call 2'))) return [302];
  if (name.startsWith('store')) return [503];
  if (/^(?:option|environment) fault/u.test(name)) return [500];
  if (name === 'onConnect throws') return [403];
  return name.startsWith('a callback') ? [400, 403] : [400, 403, 409, 422, 500, 502, 503, 504];
}

async function accessOver(ledger: string): Promise<Run> {
  const place = ledger === 'Redis' ? { REDIS_PORT: String((await startRedis()).port) } : {};
  return runWorld('leaky-access.ts', { ...place, NODE_ENV: 'production', NODE_DEBUG: 'connect-auth' });
}

/** By their names, started all at once: much of their time is waiting for a provider that does not answer. */
let worlds: Readonly<Record<string, Promise<Run>>> = {};
beforeAll(async () => {
  worlds = Object.fromEntries([
    ...Object.entries(HANDLERS).map(
      ([name, env]) => [name, runWorld('leaky-world.ts', { ...env, NODE_DEBUG: 'connect-auth' })] as const,
    ),
    ['memory', accessOver('memory')] as const,
    ...(redisServerPath() === undefined ? [] : [['Redis', accessOver('Redis')] as const]),
  ]);
  await Promise.allSettled(Object.values(worlds));
});

describe('refresh, guard, API calls and disconnect over memory', () => showsNoSecret('memory'));
describeInRedis('refresh, guard, API calls and disconnect over Redis', () => showsNoSecret('Redis'));

function showsNoSecret(name: 'memory' | 'Redis'): void {
  let world: Run;
  beforeAll(async () => {
    world = await worlds[name]!;
  });

  test('no answer, event, dump, session, stored document or Redis key shows a secret, in any spelling', () => {
    const secrets = unique(world.secrets);
    const isSession = ({ sink }: Sighting): boolean => sink === 'session: inspect';
    // A session knows its own id, by a property that is not enumerable: express-session's.
    const inSession = secrets.filter((secret) => secret.name !== 'session id');
    expect([
      ...leaks(world.sightings.filter(isSession), inSession),
      ...leaks(
        world.sightings.filter((sighting) => !isSession(sighting)),
        secrets,
      ),
    ]).toEqual([]);
  });

  test('nothing printed holds a secret, with NODE_DEBUG=connect-auth', () => {
    expect(world.stderr).toMatch(/CONNECT-AUTH \d+: refresh/u);
    expect(findSecrets(world.stdout + world.stderr, unique(world.secrets))).toEqual([]);
  });

  test('the reference that a visitor sees of a failure is found in what was printed', () => {
    const { shown, missing } = references(world);
    expect(shown).toBeGreaterThan(60);
    expect(missing).toEqual([]);
  });

  test('the search has seen every event of a call, by both ways in which events are told', () => {
    for (const sink of ['event: JSON', 'channel: JSON']) {
      const texts = world.sightings.filter((sighting) => sighting.sink === sink).map(({ text }) => text);
      const types = texts.flatMap((text) => (JSON.parse(text) as { type: string }[]).map(({ type }) => type));
      expect([...new Set(types)]).toEqual(
        expect.arrayContaining(['exchange', 'api_call', 'refreshed', 'refresh_failed', 'error']),
      );
    }
  });

  test('each scenario ended as planned', () => {
    const { statuses, sightings } = world;
    const entries = Object.entries(statuses);
    const unexpected = entries.filter(([step, status]) => !expectedStep(step).includes(status));
    expect(unexpected).toEqual([]);
    expect(entries.length).toBe(24 * 12);
    const sealed = sightings.filter(({ sink, text }) => sink === 'store' && /^v2\.k1\.[\w-]+\.\d/mu.test(text));
    expect(sealed.length).toBeGreaterThan(10);
    expect(sealed.map(({ scenario }) => scenario)).toContain('all well, in a store of objects');
    // A disconnect removes what its record has sealed, so Redis is looked at before it too.
    expect(
      sightings.some(({ sink, text }) => sink === 'redis' && /connect-auth:[^ ]+ hash .*v1\.l1\./u.test(text)),
    ).toBe(name === 'Redis');
    expect([...new Set(world.secrets.map((secret) => secret.name))].sort()).toEqual([
      'access token',
      'client secret',
      'code',
      'encryption secret',
      'refresh token',
      'session id',
      'state',
      'verifier',
    ]);
  });
}

/** References in answers, and those of them that no printed line has. */
function references({ sightings, stderr }: Run): { readonly shown: number; readonly missing: readonly string[] } {
  const bodies = sightings.filter(({ sink }) => sink.endsWith('body')).map(({ text }) => text);
  const shown = bodies.flatMap((text) => /(?:Reference |:failure:)(\w+)/u.exec(text)?.[1] ?? []);
  return { shown: shown.length, missing: shown.filter((one) => !stderr.includes(`reference=${one}`)) };
}

/** Where secrets stand. */
function leaks(sightings: readonly Sighting[], secrets: readonly Secret[]): readonly string[] {
  // No spelling goes over a line's end, and nearly all lines of eight megabytes come again and again: each is read once.
  const lines = new Set(sightings.flatMap(({ text }) => text.split('\n')));
  if (findSecrets([...lines].join('\n'), secrets).length === 0) return [];
  const found = sightings.flatMap(({ scenario, sink, text }) =>
    findSecrets(text, secrets).map((secret) => `${scenario}: ${sink}: ${secret}`),
  );
  return [...new Set(found)];
}

function expectedStep(step: string): number[] {
  if (step.includes('/connect/callback')) return [302];
  if (step.includes('/connect/disconnect')) return [step.endsWith('cross-site') ? 403 : 204];
  if (step.startsWith('all well') || step.includes('/carried')) return [200];
  if (step.startsWith('an API') && !/\/(?:me|raw) /u.test(step)) return [200];
  return [302, 401, 400, 403, 404, 409, 429, 500, 502, 503];
}

function unique(secrets: readonly Secret[]): Secret[] {
  return [...new Map(secrets.filter(({ value }) => value !== '').map((secret) => [secret.value, secret])).values()];
}

const PLANTED: Secret = { name: 'planted', value: 'plantedCANARY12345/+&"<x' };
const wrapped = (before: string): string => `${before}${PLANTED.value}:tail`;

test.each([
  ['raw', wrapped('x')],
  ['percent-encoded', encodeURIComponent(wrapped('x'))],
  ['percent-encoded in lower case', encodeURIComponent(wrapped('x')).replace(/%../gu, (one) => one.toLowerCase())],
  ['form-encoded', new URLSearchParams({ a: wrapped('x') }).toString()],
  ['in JSON', JSON.stringify({ a: wrapped('x') })],
  ['in HTML', wrapped('x').replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')],
  ['in hex', Buffer.from(wrapped('x')).toString('hex')],
  ['in HEX', Buffer.from(wrapped('x')).toString('hex').toUpperCase()],
  ...['', 'x', 'xy'].flatMap((before): [string, string][] => [
    [`in base64 after ${before.length} bytes`, Buffer.from(wrapped(before)).toString('base64')],
    [`in base64url after ${before.length} bytes`, Buffer.from(wrapped(before)).toString('base64url')],
  ]),
  ['without its special characters', 'x plantedCANARY12345 y'],
])('the search finds a planted secret %s', (_spelling, text) => {
  expect(findSecrets(text, [PLANTED]).length).toBeGreaterThan(0);
  expect(findSecrets(text, [{ name: 'other', value: 'notplantedCANARY999/+x' }])).toEqual([]);
});
