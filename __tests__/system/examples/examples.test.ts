import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../support/packed';
import { freePort, unlessTaken } from '../../support/ports';
import { startRedis } from '../../support/redis-server';
import { describeInPostgres, describeInRedis } from '../../support/requires';
import { describeClusterOnRedis } from './cluster-on-redis';
import { describeJobs } from './jobs';
import { personAt } from './person';
import { firstAnswer } from './first-answer';
import { describePostgres, startPrepared } from './postgres';
import { describeSpaInChromium } from './spa-in-chromium';
import { makeStage, type Running, type Stage } from './stage';

const folder = join(root, 'examples');
const names = readdirSync(folder).filter((name) =>
  ['app.mjs', 'app.ts', 'app.js'].some((file) => existsSync(join(folder, name, file))),
);
const read = (...path: readonly string[]): string => readFileSync(join(folder, ...path), 'utf8');

let stage: Stage;

beforeAll(() => {
  stage = makeStage();
});

describe('the folder', () => {
  test('is listed by `npm run example`, and in its README', async () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts['example']).toBe('npm run --silent build && node examples/run.mjs');
    const { exitCode, output: listing } = await stage.node(['examples/run.mjs']).ended();
    expect(exitCode).toBe(0);
    for (const name of names) {
      expect(listing).toContain(`  ${name} `);
      expect(read('README.md')).toContain(`[${name}](${name})`);
    }
  });

  test.each(names)('tells the one command of %s', (name) => {
    expect(read(name, 'README.md')).toContain(`npm run example -- ${name}\n`);
  });

  test.each(names)('holds nothing in %s that a user could not import', (name) => {
    const files = readdirSync(join(folder, name), { recursive: true, encoding: 'utf8' }).filter(
      (path) => /\.(?:mjs|js|ts)$/u.test(path) && !path.startsWith('dist'),
    );
    const imported = files.flatMap((path) =>
      [...read(name, path).matchAll(/(?:from|require\(|import\() ?'([^']+)'/gu)].map(([, specifier = '']) => specifier),
    );
    expect(files.length).toBeGreaterThan(0);
    expect(imported.filter((specifier) => specifier.startsWith('..'))).toEqual([]);
  });

  test('an unknown name is an error that lists what there is', async () => {
    const { exitCode, output } = await stage.node(['examples/run.mjs', 'nothing']).ended();
    expect({ exitCode, output }).toEqual({
      exitCode: 1,
      output: expect.stringContaining('There is no example "nothing".') as unknown,
    });
    expect(output).toContain('  spa  ');
  });

  test('a port that is no number is told in words', async () => {
    const { exitCode, output } = await stage.node(['examples/run.mjs', 'spa'], { PORT: 'abc' }).ended();
    expect({ exitCode, output }).toEqual({ exitCode: 1, output: 'PORT must be a number from 0 to 65535.\n' });
  });
});

describe('minimal-javascript', () => {
  test('connects, disconnects, and offers to start again after a declined sign-in; Ctrl+C stops it all', async () => {
    const example = await stage.example('minimal-javascript');
    const person = personAt(example);
    expect((await person.open('/')).body).toContain('href="/connect/authorize"');

    const declined = await person.visit('/connect/authorize', 'decline');
    expect([declined.status, declined.body]).toEqual([403, expect.stringContaining('href="/connect/authorize"')]);

    const landed = await person.visit('/connect/authorize', 'allow');
    expect({ status: landed.status, path: landed.path, body: landed.body }).toEqual({
      status: 200,
      path: '/',
      body: expect.stringContaining('Connected (bearer)') as unknown,
    });
    expect((await person.send('/connect/disconnect')).location).toBe('/');
    expect((await person.open('/')).body).toContain('href="/connect/authorize"');

    expect((await example.stop()).exitCode).toBe(0);
    await expect(person.open('/')).rejects.toThrow('ECONNREFUSED');
    await expect(fetch(example.sandboxUrl)).rejects.toThrow('fetch failed');
  });
});

describe('minimal-typescript', () => {
  test('leads through the sign-in and back, and reports typed events', async () => {
    const example = await stage.example('minimal-typescript');
    const person = personAt(example);
    const refused = await person.call('/');
    expect([refused.status, JSON.parse(refused.body)]).toEqual([
      401,
      expect.objectContaining({ loginUrl: '/connect/authorize' }),
    ]);
    await example.saying(/^ERR_CONNECT_REQUIRED, answered with 401$/mu);

    const begun = Date.now();
    const landed = await person.visit('/', 'allow');
    const { type, expiresAt } = JSON.parse(landed.body) as { type: string; expiresAt: string };
    expect({ status: landed.status, path: landed.path, type }).toEqual({ status: 200, path: '/', type: 'bearer' });
    const minutes = (Date.parse(expiresAt) - begun) / 60_000;
    expect(minutes).toBeGreaterThan(59);
    expect(minutes).toBeLessThan(62);
    await example.saying(/^connected$/mu);
  });
});

describe('nestjs', () => {
  test('the guard leads through the sign-in; the filter answers what fails in a controller', async () => {
    const example = await stage.example('nestjs');
    const person = personAt(example);
    const refused = await person.call('/profile');
    expect([refused.status, refused.headers['content-type'], JSON.parse(refused.body)]).toEqual([
      401,
      'application/problem+json',
      expect.objectContaining({ code: 'ERR_CONNECT_REQUIRED', loginUrl: '/connect/authorize' }),
    ]);
    const landed = await person.visit('/', 'allow');
    expect({ status: landed.status, path: landed.path, body: landed.body }).toEqual({
      status: 200,
      path: '/',
      body: '{"type":"bearer"}',
    });
    expect(JSON.parse((await person.call('/profile')).body)).toMatchObject({ name: 'Sandbox User' });
    expect((await example.stop()).exitCode).toBe(0);
  });
});

describe('spa', () => {
  test('answers its script with 401 and loginUrl, then with the profile', async () => {
    const example = await stage.example('spa');
    const person = personAt(example);
    const refused = await person.call('/api/me');
    expect([refused.status, refused.headers['content-type']]).toEqual([401, 'application/problem+json']);
    const { loginUrl } = JSON.parse(refused.body) as { loginUrl: string };
    expect((await person.visit(loginUrl, 'allow')).path).toBe('/connected.html');
    expect((await person.visit(`${loginUrl}?returnTo=/`, 'allow')).body).toContain('<h1>My profile</h1>');
    const profile = await person.call('/api/me');
    expect([profile.status, JSON.parse(profile.body)]).toEqual([
      200,
      expect.objectContaining({ name: 'Sandbox User' }),
    ]);
    expect(profile.body).not.toContain('token');
  });
});

describeSpaInChromium(() => stage);

describe('custom-error-page', () => {
  test('draws a failed sign-in and a failed route alike, with their statuses, and answers scripts in JSON', async () => {
    const example = await stage.example('custom-error-page');
    const person = personAt(example);
    const own = expect.stringContaining('Georgia') as string;
    const declined = await person.visit('/connect/authorize?returnTo=/type', 'decline');
    expect([declined.status, declined.body]).toEqual([403, own]);
    expect(declined.body).toContain('<a href="/connect/authorize">Try again</a>');

    const skipped = await person.open('/type');
    expect([skipped.status, skipped.body]).toEqual([401, own]);
    expect(skipped.body).toContain('<a href="/connect/authorize">Try again</a>');

    const script = await person.call('/type');
    expect([script.status, JSON.parse(script.body)]).toEqual([
      401,
      {
        code: 'ERR_CONNECT_REQUIRED',
        title: expect.any(String) as string,
      },
    ]);
    expect((await person.visit('/connect/authorize?returnTo=/type', 'allow')).body).toBe('{"type":"bearer"}');
  });
});

describe('several-accounts', () => {
  test('connects two accounts in one go, and disconnects one of them', async () => {
    const example = await stage.example('several-accounts');
    const person = personAt(example);
    const copied = await person.visit('/copy', 'allow');
    expect({ path: copied.path, clicks: copied.clicks, body: copied.body }).toEqual({
      path: '/copy',
      clicks: 2,
      body: expect.stringContaining('a token each') as unknown,
    });

    expect((await person.send('/source/disconnect')).location).toBe('/');
    const home = (await person.open('/')).body;
    expect(home).toContain('source: <a href="/source/connect">');
    expect(home).toContain('target: connected');
    expect((await person.visit('/copy', 'allow')).clicks).toBe(1);
  });
});

describe('jest-test', () => {
  test('passes', async () => {
    const { exitCode, output } = await stage.node(['examples/run.mjs', 'jest-test']).ended();
    expect({ exitCode, output }).toEqual({
      exitCode: 0,
      output: expect.stringContaining('5 passed, 5 total') as unknown,
    });
  });
});

describeClusterOnRedis(() => stage);
describeJobs(
  { name: 'jobs', describeIn: describeInRedis, start: async () => ({ REDIS_URL: (await startRedis()).url }) },
  () => stage,
);
describeJobs({ name: 'postgres', describeIn: describeInPostgres, start: startPrepared }, () => stage);
describePostgres(() => stage);

describe.each(['SIGINT', 'SIGTERM'] as const)('after %s', (signal) => {
  const programs = names
    .filter(
      (name) => existsSync(join(folder, name, 'app.mjs')) && !['jobs', 'postgres', 'redis-cluster'].includes(name),
    )
    .map((name) => `${name}/app.mjs`);

  /** Starts a program without run.mjs, which would answer for it. */
  async function started(program: string): Promise<Running> {
    const port = await freePort();
    const url = `http://localhost:${port}`;
    const running = stage.node([join('examples', program)], {
      PORT: String(port),
      SESSION_SECRET: 'any',
      CONNECT_CLIENT_ID: 'id',
      CONNECT_CLIENT_SECRET: 'secret',
      CONNECT_REDIRECT_URI: `${url}/connect/callback`,
    });
    await firstAnswer(url, running);
    return running;
  }

  test.each([...programs, 'jest-test/server.js'])('%s ends by itself, and is not killed', async (program) => {
    const running = await unlessTaken(() => started(program));
    expect((await running.stop(signal)).exitCode).toBe(0);
  });
});

describe('with a .env of your own', () => {
  const programs = [
    'minimal-javascript/app.mjs',
    'spa/app.mjs',
    'custom-error-page/app.mjs',
    'several-accounts/app.mjs',
    'jest-test/server.js',
  ];
  const pathOf = (program: string): string =>
    program.startsWith('several') ? '/source/connect' : '/connect/authorize';

  test('every program goes to Appy Pie Connect', async () => {
    writeFileSync(
      join(stage.folder, '.env'),
      [
        'SESSION_SECRET=any',
        'CONNECT_CLIENT_ID=id-of-mine',
        'CONNECT_CLIENT_SECRET=secret-of-mine',
        'CONNECT_REDIRECT_URI=http://localhost:3000/connect/callback',
        '',
      ].join('\n'),
    );
    const targets = await Promise.all(programs.map((program) => unlessTaken(() => authorizationOf(program))));
    expect(targets).toEqual(programs.map(() => 'https://connectcloud.appypie.com/oAuth/authorize for id-of-mine'));
  });

  async function authorizationOf(program: string): Promise<string> {
    const port = await freePort();
    const running = stage.node(['--env-file=.env', `examples/${program}`], { PORT: String(port) });
    const answer = await firstAnswer(`http://localhost:${port}${pathOf(program)}`, running);
    const url = new URL(answer.headers.get('location') ?? '');
    return `${url.origin}${url.pathname} for ${url.searchParams.get('client_id')}`;
  }
});
