import { connectOptionsFromEnv } from 'express-connect-auth';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { createDemo } from '../../../demo-app/app';
import { html } from '../../../demo-app/html';
import { openPort } from '../../../demo-app/loopback';
import {
  API_CODES,
  FAULTS,
  parseTrouble,
  SHAPES,
  STATUSES,
  troubleName,
  VISITOR_ACTS,
} from '../../../demo-app/troubles';
import { timeLeft } from '../../../demo-app/words';
import { browser } from '../../support/app';
import { givenDeadline } from '../../support/deadline';
import { sendForm } from '../../support/demo-forms';
import { startDemoSite, type DemoSite } from '../../support/demo-site';
import { serve } from '../../support/serve';

/** What `localhost` may mean here: there are machines without ::1. */
const LOOPBACK = ['127.0.0.1', '::1'].filter((host) =>
  Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === host)),
);

const deadline = givenDeadline();
let site: DemoSite;

beforeAll(async () => {
  site = await startDemoSite({ timeoutMs: deadline.ms });
});

function post(path: string, fields: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) {
  return fetch(site.address + path, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams(fields),
    headers: { Origin: site.address, ...headers },
  });
}

/** What a form of the errors leads to, in the browser that has sent it. */
async function result(fields: Readonly<Record<string, string>>, visitor = browser()): Promise<string> {
  const { status, location } = await sendForm(visitor, site.address, '/errors', fields);
  expect({ status, location }).toEqual({ status: 303, location: '/errors/answer' });
  return (await visitor.visit(site.address + location)).body;
}

/** What the page of a raw answer says: the status and our code. */
async function rawAnswer(fields: Readonly<Record<string, string>>): Promise<string> {
  const text = await result({ ...fields, action: 'raw' });
  const status = /HTTP (\d{3})/.exec(text)?.[1] ?? '';
  const code = /&quot;code&quot;: &quot;(\w+)&quot;/.exec(text)?.[1] ?? '';
  return `${status} ${code}`;
}

/** What docs/errors.md promises for each code at sign-in. */
const PROMISED: readonly (readonly [number, string])[] = [
  [400, '400 ERR_CONNECT_GRANT'],
  [401, '500 ERR_CONNECT_CONFIG'],
  [403, '403 ERR_CONNECT_FORBIDDEN'],
  [404, '502 ERR_CONNECT_RESPONSE'],
  [405, '502 ERR_CONNECT_RESPONSE'],
  [406, '502 ERR_CONNECT_RESPONSE'],
  [410, '502 ERR_CONNECT_RESPONSE'],
  [429, '503 ERR_CONNECT_RATE_LIMITED'],
  [500, '502 ERR_CONNECT_UNAVAILABLE'],
  [503, '503 ERR_CONNECT_UNAVAILABLE'],
  [2032, '500 ERR_CONNECT_CONFIG'],
  [2034, '422 ERR_CONNECT_ACCOUNT'],
  [2036, '500 ERR_CONNECT_CONFIG'],
  [2038, '500 ERR_CONNECT_CONFIG'],
  [2039, '409 ERR_CONNECT_ACCOUNT'],
  [2040, '409 ERR_CONNECT_ACCOUNT'],
  [2041, '422 ERR_CONNECT_ACCOUNT'],
];

describe('the raw answers', () => {
  test.each(PROMISED)('API code %i becomes %s', async (code, expected) => {
    expect(await rawAnswer({ kind: 'code', what: String(code), shape: 'errorObject', status: 'matching' })).toBe(
      expected,
    );
  });

  test.each(Object.keys(SHAPES))('the error shape %s is on show', async (shape) => {
    expect(await rawAnswer({ kind: 'code', what: '2036', shape, status: 'matching' })).toMatch(
      /^[45]\d\d ERR_CONNECT_/,
    );
  });

  test.each([
    ['silence', '504 ERR_CONNECT_TIMEOUT'],
    ['drip', '504 ERR_CONNECT_TIMEOUT'],
    ['reset', '502 ERR_CONNECT_UNAVAILABLE'],
    ['truncated', '502 ERR_CONNECT_RESPONSE'],
    ['html503', '503 ERR_CONNECT_UNAVAILABLE'],
    ['html503-later', '503 ERR_CONNECT_UNAVAILABLE'],
    ['redirect', '502 ERR_CONNECT_RESPONSE'],
    ['endless', '502 ERR_CONNECT_RESPONSE'],
    ['large', '502 ERR_CONNECT_RESPONSE'],
    ['gzip-bomb', '502 ERR_CONNECT_RESPONSE'],
    ['corrupt-gzip', '502 ERR_CONNECT_RESPONSE'],
  ])('the fault %s becomes %s', async (what, expected) => {
    const before = site.sandbox.calls.exchange;
    const answer = rawAnswer({ kind: 'fault', what });
    if (expected.startsWith('504')) await deadline.passDuring(() => site.sandbox.calls.exchange > before);
    expect(await answer).toBe(expected);
  });

  test.each([
    ['declined', '403 ERR_CONNECT_DENIED'],
    ['foreign', '403 ERR_CONNECT_STATE'],
    ['expired', '403 ERR_CONNECT_STATE'],
    ['used', '403 ERR_CONNECT_STATE'],
    ['incomplete', '400 ERR_CONNECT_CALLBACK'],
  ])('the event %s becomes %s', async (what, expected) => {
    expect(await rawAnswer({ kind: 'visitor', what })).toBe(expected);
  });

  test('all 17 codes at once are 17 sign-ins in one table', async () => {
    const before = site.sandbox.calls.exchange;
    const text = await result({ action: 'all' });
    expect(text.match(/role="rowheader"/g)?.length).toBe(17);
    expect(site.sandbox.calls.exchange).toBe(before + 17);
  });

  test('many visitors at once each get the answer that they asked for', async () => {
    const answers = await Promise.all(
      PROMISED.map(([code], index) =>
        rawAnswer({ kind: 'code', what: String(code), shape: index % 2 === 0 ? 'flat' : 'list', status: 'matching' }),
      ),
    );
    expect(answers).toEqual(PROMISED.map(([, promised]) => promised));
  });
});

describe('the page of an answer', () => {
  test('can be loaded again, and is that of its browser alone', async () => {
    const visitor = browser();
    const shown = await result({ kind: 'code', what: '2036', shape: 'flat', status: '200', action: 'raw' }, visitor);
    const before = site.sandbox.calls.exchange;
    expect((await visitor.visit(`${site.address}/errors/answer`)).body).toBe(shown);
    expect(site.sandbox.calls.exchange).toBe(before);
    const stranger = await browser().visit(`${site.address}/errors/answer`);
    expect([stranger.status, stranger.location]).toEqual([302, '/errors']);
  });
});

describe('a trouble in the browser', () => {
  test.each(Object.keys(VISITOR_ACTS))('%s is told beforehand by a page that can be loaded again', async (what) => {
    const visitor = browser();
    const { status, location } = await sendForm(visitor, site.address, '/errors', {
      kind: 'visitor',
      what,
      action: 'walk',
    });
    expect({ status, location }).toEqual({ status: 303, location: `/errors/hint/${what}` });
    const page = await visitor.visit(site.address + location);
    expect([page.status, page.body.includes(`value="visitor.${what}"`)]).toEqual([200, true]);
    const onwards = await sendForm(visitor, site.address, '/errors', { trouble: `visitor.${what}`, action: 'go' });
    expect([onwards.status, onwards.location.split('?')[0]]).toEqual([
      303,
      what === 'declined'
        ? '/connect/authorize'
        : what === 'expired'
          ? '/hasty/connect/authorize'
          : '/connect/callback',
    ]);
  });

  test.each(['', 'nothing', 'code.2036.flat.200', '__proto__'])('there is no hint for %j', async (act) => {
    const answer = await browser().visit(`${site.address}/errors/hint/${act}`);
    expect(act === '' ? answer.status : answer.location).toBe(act === '' ? 404 : '/errors');
  });
});

describe('after a rehearsed failure', () => {
  test('the sandbox refuses in its own way again', async () => {
    await rawAnswer({ kind: 'code', what: '2036', shape: 'text', status: '200' });
    const { tokenUrl, clientId, clientSecret } = site.sandbox.connectOptions;
    const fields = { grant_type: 'authorization_code', code: 'x', redirect_uri: 'http://localhost/x' };
    const body = new URLSearchParams({ ...fields, client_id: clientId, client_secret: clientSecret });
    const refusal = await fetch(tokenUrl, { method: 'POST', body });
    expect([refusal.status, await refusal.json()]).toEqual([400, expect.objectContaining({ error: 'invalid_grant' })]);
  });

  test('that never came to an exchange, nobody else gets it', async () => {
    const cookie = (
      await post('/errors', { kind: 'code', what: '2036', shape: 'flat', status: '200', action: 'walk' })
    ).headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ');
    expect(cookie).toContain('code.2036.flat.200');
    const refused = await fetch(`${site.address}/connect/callback?code=x&state=y`, { headers: { Cookie: cookie } });
    expect(refused.status).toBe(403);

    const started = await fetch(`${site.address}/connect/authorize`, { redirect: 'manual' });
    const session = started.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ');
    const callback = await site.sandbox.allow(started.headers.get('location') ?? '');
    const ended = await fetch(callback, { redirect: 'manual', headers: { Cookie: session } });
    expect([ended.status, ended.headers.get('location')]).toEqual([302, '/connected']);
  });
});

describe('the pages', () => {
  test('carry a policy that allows nothing from elsewhere, and no script but files of this site', async () => {
    const response = await fetch(site.address);
    expect(response.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; " +
        "frame-ancestors 'none'; " +
        `form-action 'self' ${site.sandbox.url}`,
    );
    expect(response.headers.get('x-powered-by')).toBeNull();
  });

  test('give a visitor who is not connected no connected page', async () => {
    const response = await fetch(`${site.address}/connected`, { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([302, '/']);
  });

  test('answer an unknown address with 404', async () => {
    expect((await fetch(`${site.address}/nowhere`)).status).toBe(404);
  });

  test.each(LOOPBACK.map((host) => (host.includes(':') ? `[${host}]` : host)))(
    'bring a visitor of %s to localhost',
    async (host) => {
      const port = new URL(site.address).port;
      const response = await fetch(`http://${host}:${port}/errors?x=1`, { redirect: 'manual' });
      expect([response.status, response.headers.get('location')]).toEqual([302, `${site.address}/errors?x=1`]);
    },
  );

  test('take no form from another site, and none without an origin', async () => {
    const fields = { kind: 'code', what: '2036', shape: 'flat', status: '200', action: 'walk' };
    expect((await post('/errors', fields, { Origin: 'https://evil.example' })).status).toBe(403);
    expect((await post('/errors', fields, { Origin: '' })).status).toBe(403);
    expect((await post('/connected/expire', {}, { 'Sec-Fetch-Site': 'same-site' })).status).toBe(403);
    expect((await post('/errors', fields)).status).toBe(303);
  });

  test.each([
    { kind: 'code', what: '9999', shape: 'flat', status: '200' },
    { kind: 'code', what: '2036', shape: '__proto__', status: '200' },
    { kind: 'visitor', what: 'constructor' },
    { kind: 'fault', what: '' },
    {},
  ])('go back to the choice when the form holds %j', async (fields) => {
    const response = await post('/errors', { ...fields, action: 'walk' });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/errors']);
  });
});

describe('with the real provider', () => {
  let address: string;

  beforeAll(async () => {
    const server = createServer();
    address = `http://localhost:${(await serve(server)).port}`;
    const connectOptions = connectOptionsFromEnv({
      CONNECT_CLIENT_ID: 'real-client',
      CONNECT_CLIENT_SECRET: 'real-secret',
      CONNECT_REDIRECT_URI: `${address}/connect/callback`,
    });
    server.on('request', createDemo({ address, connectOptions }).app);
  });

  test('the button leads to Appy Pie Connect', async () => {
    const response = await fetch(`${address}/connect/authorize?returnTo=/connected`, { redirect: 'manual' });
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toMatch(/^https:\/\/connectcloud\.appypie\.com\/oAuth\/authorize\?/);
  });

  test('the errors on show explain that they need the sandbox', async () => {
    const text = await (await fetch(`${address}/errors`)).text();
    expect(text).toContain('needs the sandbox');
    expect(text).not.toContain('<form');
  });

  test('a forced failure cannot be asked for', async () => {
    const response = await fetch(`${address}/errors`, { method: 'POST', headers: { Origin: address } });
    expect(response.status).toBe(404);
  });
});

describe('small parts', () => {
  const nowMs = 1_700_000_000_000;

  test.each([
    [undefined, 'the provider did not say'],
    [-1, 'expired'],
    [0, 'expired'],
    [1, '1 second'],
    [59, '59 seconds'],
    [90, '2 minutes'],
    [3600, '60 minutes'],
    [5400, 'about 2 hours'],
    [86_400, 'about 24 hours'],
    [604_800, 'about 7 days'],
  ])('a token with %s seconds left says "%s"', (seconds, expected) => {
    expect(timeLeft(seconds === undefined ? undefined : nowMs / 1000 + seconds, nowMs)).toBe(expected);
  });

  test('every trouble fits into a cookie and comes out as it was', () => {
    const names = [
      ...[...API_CODES.keys()].flatMap((code) =>
        Object.keys(SHAPES).flatMap((shape) => [...STATUSES.keys()].map((status) => `code.${code}.${shape}.${status}`)),
      ),
      ...[...FAULTS.keys()].map((fault) => `fault.${fault}`),
      ...Object.keys(VISITOR_ACTS).map((act) => `visitor.${act}`),
    ];
    for (const name of names) {
      const trouble = parseTrouble(name);
      expect(trouble && troubleName(trouble)).toBe(name);
    }
    expect(names.length).toBe(17 * 19 * 4 + 11 + 5);
  });

  test('markup escapes what is not markup', () => {
    expect(html`<p title="${'"\''}">${'<b>&'}${html`<i>${1}</i>`}${undefined}</p>`.markup).toBe(
      '<p title="&quot;&#39;">&lt;b&gt;&amp;<i>1</i></p>',
    );
  });

  test('a port that another program holds is not taken, on either address of localhost', async () => {
    for (const host of LOOPBACK) {
      const { port } = await serve(createServer(), host);
      expect(await openPort(port)).toBeUndefined();
    }
  });
});
