import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { MemoryStore, type SessionData } from 'express-session';
import { localBackstage } from '../../../demo-app/backstage';
import { startDemoSite, type DemoSite } from '../../support/demo-site';
import { browser, type Answer, type Browser } from '../../support/app';
import { sendForm, textOf } from '../../support/demo-forms';
import { latch } from '../../support/refreshing';

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

/** Presses a button, and goes where the answer leads. */
async function pressAndFollow(path: string): Promise<Answer> {
  const { status, location } = await press(path);
  expect({ status, location }).toEqual({ status: 303, location: '/connected' });
  return look(location);
}

/** Whether a page tells what an action came to. */
function tellsOutcome(page: Answer): boolean {
  return page.body.includes('id="outcome"');
}

function hashIn(page: Answer): string {
  return / Hash of the token ([0-9a-f]{8}) /.exec(textOf(page))?.[1] ?? 'none';
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
    /Token expires in (29|30) seconds Refreshed 0 times Hash of the token [0-9a-f]{8} Token type bearer/,
  );
  expect(textOf(page)).toContain('Connected the sign-in is complete');
  expect(page.body).not.toMatch(/eyJ|[\w-]{20,}\.[\w-]{20,}/);
});

test('"Expire the token" leads to a page with a new token, by one refresh', async () => {
  await connect();
  const before = hashIn(await look());
  const page = await pressAndFollow('/connected/expire');
  const after = hashIn(page);
  expect(after).toMatch(/^[0-9a-f]{8}$/);
  expect(after).not.toBe(before);
  expect(textOf(page)).toContain(`Token ${before} had expired, so the next request fetched a new one: ${after} .`);
  expect(textOf(page)).toContain('Refreshed 1 time ');
  expect(site.sandbox.calls.refresh).toBe(1);
});

test('"Send 50 requests" shows 50 answers, one token and one call, and the provider saw no more', async () => {
  await connect();
  const before = hashIn(await look());
  const page = await pressAndFollow('/connected/burst');
  expect(page.status).toBe(200);
  expect(textOf(page)).toContain('50 of 50 answered 1 call to the provider 1 new token for all of them');
  expect(textOf(page)).toContain(
    `Every request came with the expired token ${before} , and its handler got ${hashIn(page)} .`,
  );
  expect(textOf(page)).toContain('Refreshed 1 time ');
  expect(site.sandbox.calls.refresh).toBe(1);
  expect(hashIn(await look())).toBe(hashIn(page));
});

test('"Call the API" shows what the API says', async () => {
  await connect();
  const page = await pressAndFollow('/connected/me');
  expect(page.status).toBe(200);
  expect(page.body).toContain('&quot;email&quot;: &quot;user@sandbox.invalid&quot;');
  expect(site.sandbox.calls.api).toBe(1);
});

test.each(['/connected/expire', '/connected/burst', '/connected/me'])(
  'what %s came to is told once, and to nobody else',
  async (path) => {
    await connect();
    const stranger = browser();
    const started = await stranger.visit(`${site.address}/connect/authorize`);
    await stranger.visit(await site.sandbox.allow(started.location));
    const { location } = await press(path);
    expect(tellsOutcome(await stranger.visit(site.address + location))).toBe(false);
    await look('/');
    await look('/connected/live');
    expect([tellsOutcome(await look(location)), tellsOutcome(await look(location))]).toEqual([true, false]);
  },
);

test('what an action came to is not told of the next connection', async () => {
  await connect();
  await press('/connected/expire');
  await connect();
  expect(tellsOutcome(await look())).toBe(false);
});

test('the events are those of this visitor alone, from the sign-in on', async () => {
  const stranger = browser();
  const started = await stranger.visit(`${site.address}/connect/authorize`);
  const callback = await site.sandbox.allow(started.location);
  await connect();
  await stranger.visit(callback);
  await stranger.visit(`${site.address}/connected`);
  await stranger.visit(`${site.address}/connect/callback?error=access_denied&state=x`);
  await pressAndFollow('/connected/expire');
  expect(eventsIn(await look())).toEqual(['Refreshed', 'Connected', 'Code exchanged']);
  expect(eventsIn(await look('/connected/live'))).toEqual(['Refreshed', 'Connected', 'Code exchanged']);
  expect(eventsIn(await stranger.visit(`${site.address}/connected`))).toEqual(['Error', 'Connected', 'Code exchanged']);
  await pressAndFollow('/connected/burst');
  expect(
    eventsIn(await look())
      .slice(0, 2)
      .sort(),
  ).toEqual(['Adopted', 'Refreshed']);
});

/** What happened, the newest first. */
function eventsIn(page: Answer): readonly string[] {
  return [...page.body.matchAll(/<\/time>\s*<span><strong>([^<]*)/g)].map(([, what = '']) => what);
}

test('an API that refuses "Call /me" is an error page of the library', async () => {
  await connect();
  site.sandbox.set({ errorShape: 'errorObject' });
  site.sandbox.force(403, { on: 'api' });
  const page = await press('/connected/me');
  expect([page.status, /<h1>(.*)<.h1>/.exec(page.body)?.[1]]).toEqual([403, 'Your account is not allowed to do this']);
});

test('"Disconnect" leads home, which says so once, and the connected page is closed', async () => {
  await connect();
  const answer = await press('/connect/disconnect');
  expect([answer.status, answer.location]).toEqual([303, '/disconnected']);
  const onwards = await look(answer.location);
  expect([onwards.status, onwards.location]).toEqual([302, '/']);
  expect(textOf(await look('/'))).toContain(' You are disconnected The token is deleted, ');
  expect(tellsOutcome(await look('/'))).toBe(false);
  expect((await look()).location).toBe('/');
});

test('whoever is still connected is not told that they are disconnected', async () => {
  await connect();
  expect((await look('/disconnected')).location).toBe('/');
  expect(tellsOutcome(await look('/'))).toBe(false);
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
  expect(live.body).toMatch(/^<section class="card facts-card" aria-label="Connection">/);
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

test('a notice cannot be had by an address', async () => {
  await connect();
  const page = await look('/connected?expired=01234567&killed=2');
  expect({ status: page.status, tellsOutcome: tellsOutcome(page) }).toEqual({ status: 200, tellsOutcome: false });
});

test('the icon is there for every page', async () => {
  for (const path of ['/favicon.svg', '/favicon.ico']) {
    const { status, headers, body } = await look(path);
    expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'image/svg+xml; charset=utf-8' });
    expect(body).toMatch(/^<svg /);
  }
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

test('a worker is killed also when the browser closes the connection before the answer has ended', async () => {
  const killed: number[] = [];
  const end = latch();
  // express-session sends an answer up to its last byte, touches the session, then ends it.
  class SlowStore extends MemoryStore {
    override touch(id: string, session: SessionData, done?: () => void): void {
      super.touch(id, session);
      void end.wait().then(done);
    }
  }
  const worker = {
    number: 1,
    of: 4,
    pid: 1,
    pidOf: () => Promise.resolve(7),
    kill(pid: number) {
      killed.push(pid);
    },
    ended: () => Promise.resolve(true),
  };
  const session = { secret: 'secret of the demo', store: new SlowStore() };
  site = await startDemoSite({}, { worker, backstage: localBackstage(undefined), session });
  await connect();

  const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const headers = { origin: site.address, cookie, 'content-type': 'application/x-www-form-urlencoded' };
  const sent = request(`${site.address}/connected/kill`, { method: 'POST', headers }).end('worker=2');
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  expect({ status: answer.statusCode, killed }).toEqual({ status: 303, killed: [] });
  sent.destroy();
  // Behind it in the queue of events, on connections of their own.
  for (let visits = 0; visits < 3; visits += 1) expect((await look('/style.css')).status).toBe(200);
  end.open();
  expect(killed).toEqual([7]);
});
