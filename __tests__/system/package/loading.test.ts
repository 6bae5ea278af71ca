import { execFileSync } from 'node:child_process';
import { packed } from '../../support/packed';

/** Packages, other than Node's own, that a program has loaded in the end. */
function loadedBy(program: string): readonly string[] {
  const report = `console.log(JSON.stringify(Object.keys(require.cache)))`;
  const output = execFileSync(process.execPath, ['-e', `${program}; ${report}`], {
    cwd: packed().folder,
    encoding: 'utf8',
  });
  const paths = (JSON.parse(output) as readonly string[]).map((path) => path.split('\\').join('/'));
  return [...new Set(paths.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//u.exec(path)?.[1] ?? ''))];
}

const APP = `
  const { connectAuth } = require('express-connect-auth');
  const connect = connectAuth({ clientId: 'a', clientSecret: 'b', redirectUri: 'https://a.example/connect/callback' })`;

test('axios is loaded when an app makes its first client, and not before', () => {
  expect(loadedBy(APP)).not.toContain('axios');
  expect(loadedBy(APP)).toContain('express');
  expect(loadedBy(`${APP}; connect.client({ session: {} })`)).toContain('axios');
});

test.each(['redis', 'postgres'])('the entry %s loads neither axios nor joi nor Express, nor a client', (entry) => {
  const loaded = loadedBy(`require('express-connect-auth/${entry}')`);
  expect(loaded).toContain('express-connect-auth');
  expect(loaded.filter((name) => ['axios', 'joi', 'express', 'express-session', 'redis', 'pg'].includes(name))).toEqual(
    [],
  );
});
