import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { serve } from '../../support/serve';
import { addressIn, compileDemo, type CompiledDemo, type Run } from './compiled-demo';

let compiled: CompiledDemo;

beforeAll(() => {
  compiled = compileDemo();
});

function startDemo(env: Readonly<Record<string, string>>): Run {
  return compiled.start('main', env);
}

test('starts without any account, prints an address that works, and stops on Ctrl+C', async () => {
  const demo = startDemo({ PORT: '0' });
  const output = await demo.saying(/Ctrl\+C/);
  const page = await fetch(addressIn(output));
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('Connect your account')]);
  expect(output).toContain('built-in sandbox');
  demo.child.kill('SIGINT');
  expect(await demo.exit()).toBe(0);
});

test('says that the port is taken and takes the next free one', async () => {
  const { port } = await serve(createServer());
  const output = await startDemo({ PORT: String(port) }).saying(/Ctrl\+C/);
  expect(output).toContain(`Port ${port} is taken, trying the next one.`);
  expect(Number(new URL(addressIn(output)).port)).toBeGreaterThan(port);
  expect((await fetch(addressIn(output))).status).toBe(200);
});

test('talks to the real provider once CONNECT_CLIENT_ID is set', async () => {
  const env = { PORT: '0', CONNECT_CLIENT_ID: 'client-of-mine', CONNECT_CLIENT_SECRET: 'secret-of-mine' };
  const output = await startDemo(env).saying(/Ctrl\+C/);
  expect(output).not.toMatch(/secret-of-mine|built-in sandbox/);
  const response = await fetch(`${addressIn(output)}/connect/authorize`, { redirect: 'manual' });
  const target = new URL(response.headers.get('location') ?? '');
  expect(target.origin + target.pathname).toBe('https://connectcloud.appypie.com/oAuth/authorize');
  expect(target.searchParams.get('redirect_uri')).toBe(`${addressIn(output)}/connect/callback`);
});

test('reads .env, where set values win and empty ones count as unset', async () => {
  writeFileSync(
    join(compiled.folder, '.env'),
    'CONNECT_CLIENT_ID=from-file\nCONNECT_CLIENT_SECRET=x\nCONNECT_SCOPE=\nPORT=1\n',
  );
  const output = await startDemo({ PORT: '0' }).saying(/Ctrl\+C/);
  rmSync(join(compiled.folder, '.env'));
  const response = await fetch(`${addressIn(output)}/connect/authorize`, { redirect: 'manual' });
  expect(new URL(response.headers.get('location') ?? '').searchParams.get('client_id')).toBe('from-file');
});

test.each([
  ['a missing secret', { CONNECT_CLIENT_ID: 'client', PORT: '0' }, /CONNECT_CLIENT_SECRET/],
  ['a port that is no number', { PORT: 'abc' }, /PORT must be a number/],
  [
    'a callback elsewhere',
    {
      CONNECT_CLIENT_ID: 'client',
      CONNECT_CLIENT_SECRET: 'x',
      PORT: '0',
      CONNECT_REDIRECT_URI: 'http://localhost:3000/elsewhere/connect/callback',
    },
    /CONNECT_REDIRECT_URI/,
  ],
])('says what is wrong about %s in words, and ends with 1', async (_what, env, expected) => {
  const demo = startDemo(env);
  expect(await demo.exit()).toBe(1);
  expect(demo.output()).toMatch(expected);
  expect(demo.output()).not.toMatch(/\n +at /);
});
