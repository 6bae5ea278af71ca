import type { Sandbox } from '../../../src/testing';
import { browser, startApp } from '../../support/app';
import { startSandbox } from '../../support/sandbox';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

test('an app that is mounted both below a prefix and at the root (for a proxy that strips it) keeps returnTo', async () => {
  const app = await startApp(sandbox, {
    options: { redirectUri: 'http://localhost:1/app/connect/callback' },
    routes: (own, connect) => {
      own.use('/app', connect);
      own.get('/app/reports', connect.requireConnect(), (_req, res) => void res.send('reports'));
    },
  });
  const answer = await browser().visit(`${app.url}/app/reports`);
  expect(answer.location).toContain(`returnTo=${encodeURIComponent('/app/reports')}`);
});
