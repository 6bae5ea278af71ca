import type { Sandbox } from '../../../src/testing';
import { startSandbox } from '../../support/sandbox';
import { beginSignIn, browser, withApp, type TestApp } from '../../support/app';

const ISSUER = 'https://provider.example';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});

const withIssuer = (issuer: string | undefined, check: (app: TestApp) => Promise<void>): Promise<void> =>
  withApp(sandbox, { options: { issuer } }, check);

test.each([
  ['another issuer', `iss=${encodeURIComponent('https://attacker.example')}`],
  ['the issuer with a slash', `iss=${encodeURIComponent(`${ISSUER}/`)}`],
  ['the issuer in capitals', `iss=${encodeURIComponent(ISSUER.toUpperCase())}`],
  ['nothing in it', 'iss='],
  ['two of them', `iss=${encodeURIComponent(ISSUER)}&iss=${encodeURIComponent(ISSUER)}`],
  ['a list', `iss[]=${encodeURIComponent(ISSUER)}`],
  ['a broken escape', 'iss=%'],
])('an iss of %s is refused, no code is exchanged, and the state is spent', async (_what, parameter) => {
  await withIssuer(ISSUER, async (app) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    const json = { accept: 'application/json' };
    const refused = await visitor.visit(`${callback}&${parameter}`, json);
    expect([refused.status, JSON.parse(refused.body)]).toMatchObject([
      400,
      { code: 'ERR_CONNECT_CALLBACK', reason: 'issuer' },
    ]);
    expect(JSON.parse((await visitor.visit(callback, json)).body)).toMatchObject({ reason: 'used' });
    expect(sandbox.calls.exchange).toBe(0);
  });
});

test('an error of another issuer is not believed, either', async () => {
  await withIssuer(ISSUER, async (app) => {
    const visitor = browser();
    const state = new URL(await beginSignIn(app, sandbox, visitor)).searchParams.get('state') ?? '';
    const url = `${app.url}/connect/callback?state=${state}&error=access_denied&iss=https%3A%2F%2Fattacker.example`;
    const { body } = await visitor.visit(url, { accept: 'application/json' });
    expect(JSON.parse(body)).toMatchObject({ code: 'ERR_CONNECT_CALLBACK', reason: 'issuer' });
  });
});

test.each([
  ['the issuer itself', ISSUER, `&iss=${encodeURIComponent(ISSUER)}`],
  ['no iss', ISSUER, ''],
  ['any iss, without the option', undefined, '&iss=https%3A%2F%2Fattacker.example'],
])('a callback with %s signs in', async (_what, issuer, parameter) => {
  await withIssuer(issuer, async (app) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    expect((await visitor.visit(callback + parameter)).status).toBe(302);
    expect(sandbox.calls.exchange).toBe(1);
  });
});

test('a wrong state is told before a wrong issuer, and changes nothing', async () => {
  await withIssuer(ISSUER, async (app) => {
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    const forged = callback.replace(/state=[^&]+/u, 'state=forged');
    expect((await visitor.visit(`${forged}&iss=x`)).status).toBe(403);
    expect((await visitor.visit(callback)).status).toBe(302);
  });
});
