import { startDemoSite, type DemoSite } from '../../support/demo-site';
import { browser, type Answer, type Browser } from '../../support/app';
import { sendForm, textOf } from '../../support/demo-forms';

let site: DemoSite;
let visitor: Browser;

beforeEach(async () => {
  site = await startDemoSite({ timeoutMs: 5_000 });
  visitor = browser();
});

async function connect(): Promise<void> {
  const started = await visitor.visit(`${site.address}/connect/authorize`);
  await visitor.visit(await site.sandbox.allow(started.location));
}

function look(path = '/connected'): Promise<Answer> {
  return visitor.visit(site.address + path);
}

/** Presses a button of the connected page, without script. */
function press(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return sendForm(visitor, site.address, path, {}, headers);
}

function hashIn(page: Answer): string {
  return / Token ([0-9a-f]{8}) \(a hash of it\)/.exec(textOf(page))?.[1] ?? 'none';
}

async function metrics(): Promise<string> {
  const { headers, body } = await visitor.visit(`${site.address}/metrics`);
  expect(headers['content-type']?.split('; ').sort()).toEqual(['charset=utf-8', 'text/plain', 'version=0.0.4']);
  return body;
}

test('the connected page tells everything about the connection but the token', async () => {
  await connect();
  const page = await look();
  expect(page.status).toBe(200);
  expect(textOf(page)).toMatch(
    /Time left (29|30) seconds Refreshed 0 times Token [0-9a-f]{8} \(a hash of it\) Token type bearer/,
  );
  expect(textOf(page)).toContain('Connected a visitor has signed in');
  expect(page.body).not.toMatch(/eyJ|[\w-]{20,}\.[\w-]{20,}/);
});

test('"Expire it now" leads to a page with a new token, by one refresh', async () => {
  await connect();
  const before = hashIn(await look());
  const answer = await press('/connected/expire');
  expect([answer.status, answer.location]).toEqual([303, `/connected?expired=${before}`]);
  const page = await look(answer.location);
  expect(hashIn(page)).toMatch(/^[0-9a-f]{8}$/);
  expect(hashIn(page)).not.toBe(before);
  expect(textOf(page)).toContain(`Token ${before} was expired by hand.`);
  expect(textOf(page)).toContain('Refreshed 1 time ');
  expect(site.sandbox.calls.refresh).toBe(1);
});

test('"50 requests at once" shows 50 answers, one token and one call, and the provider saw no more', async () => {
  await connect();
  const before = hashIn(await look());
  const page = await press('/connected/burst');
  expect(page.status).toBe(200);
  expect(textOf(page)).toContain('50 of 50 answered 1 token in all of them 1 call to the provider');
  expect(textOf(page)).toContain(
    `Each of them came with the expired token ${before} ; their handlers got ${hashIn(page)} .`,
  );
  expect(textOf(page)).toContain('Refreshed 1 time ');
  expect(site.sandbox.calls.refresh).toBe(1);
  expect(hashIn(await look())).toBe(hashIn(page));
});

test('"Call /me" shows what the API says', async () => {
  await connect();
  const page = await press('/connected/me');
  expect(page.status).toBe(200);
  expect(page.body).toContain('&quot;email&quot;: &quot;user@sandbox.invalid&quot;');
  expect(site.sandbox.calls.api).toBe(1);
});

test('an API that refuses "Call /me" is an error page of the library', async () => {
  await connect();
  site.sandbox.set({ errorShape: 'errorObject' });
  site.sandbox.force(403, { on: 'api' });
  const page = await press('/connected/me');
  expect([page.status, /<h1>(.*)<.h1>/.exec(page.body)?.[1]]).toEqual([403, 'Your account is not allowed to do this']);
});

test('"Disconnect" leads home, and the connected page is closed', async () => {
  await connect();
  const answer = await press('/connect/disconnect');
  expect([answer.status, answer.location]).toEqual([303, '/?left']);
  expect(textOf(await look(answer.location))).toContain('Disconnected: the token is gone');
  expect((await look()).location).toBe('/');
});

test('a connection that the provider has ended leads to a new sign-in', async () => {
  await connect();
  site.sandbox.force(400, { on: 'refresh' });
  site.sandbox.set({ errorShape: 'oauth' });
  const { location } = await press('/connected/expire');
  const answer = await look(location);
  expect([answer.status, answer.location.split('?')[0]]).toEqual([302, '/connect/authorize']);
});

test('the live part is markup without a document, and 401 for who is not connected', async () => {
  await connect();
  const live = await look('/connected/live');
  expect(live.body).toMatch(/^<section class="card" aria-label="Connection">/);
  visitor.cookies.clear();
  expect((await look('/connected/live')).status).toBe(401);
});

test('buttons pressed by another site, or without a connection, do nothing', async () => {
  for (const path of ['/connected/expire', '/connected/burst', '/connected/me']) {
    expect((await press(path, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    const answer = await press(path);
    expect([answer.status, answer.location]).toEqual([303, '/']);
  }
  expect(site.sandbox.calls.token + site.sandbox.calls.api).toBe(0);
});

test.each(['/connected/expire', '/connected/burst', '/connected/me', '/connected/kill'])(
  'a reload of %s leads back to the connected page',
  async (path) => {
    const answer = await look(path);
    expect([answer.status, answer.location]).toEqual([302, '/connected']);
  },
);

test.each(['<script>', '0123456', "0123456'", ''])('the notice takes no text from the address: %j', async (text) => {
  await connect();
  const page = await look(`/connected?expired=${encodeURIComponent(text)}&killed=2`);
  expect({ status: page.status, showsOutcome: page.body.includes('id="outcome"') }).toEqual({
    status: 200,
    showsOutcome: false,
  });
});

describe('/metrics', () => {
  test('counts a sign-in, a refresh and how long it took', async () => {
    await connect();
    await look((await press('/connected/expire')).location);
    const text = await metrics();
    expect(text).toContain('connect_events_total{type="connected"} 1\n');
    expect(text).toContain('connect_events_total{type="refreshed"} 1\n');
    expect(text).toContain('connect_call_duration_seconds_count{type="refreshed"} 1\n');
    expect(text).toContain('connect_call_duration_seconds_bucket{le="10",type="refreshed"} 1\n');
    expect(text).toContain('connect_events_total{type="disconnected"} 0\n');
  });

  test('counts failures by their kind, errors by their code, and the end', async () => {
    await connect();
    site.sandbox.force(503, { on: 'refresh' });
    const answer = await look((await press('/connected/expire')).location);
    expect(answer.status).toBe(503);
    await press('/connect/disconnect');
    const text = await metrics();
    expect(text).toContain('connect_refresh_failures_total{kind="transient"} 1\n');
    expect(text).toContain('connect_errors_total{stage="refresh",code="ERR_CONNECT_UNAVAILABLE"} 1\n');
    expect(text).toContain('connect_events_total{type="disconnected"} 1\n');
  });
});
