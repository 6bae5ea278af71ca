import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from './http.mjs';

/** Where the app is registered with the provider; the visitors go to its processes themselves. */
export const SITE = 'http://127.0.0.1:1';

/**
 * One visitor with a page that polls: bursts of parallel reads by whichever process, and beside them slow requests that
 * save the session. A 401 means that the sign-in is lost: it is counted, and the visitor signs in again.
 */
export function visitor({ fleet, provider, random, stopped }) {
  const tally = { requests: 0, lost: 0, unavailable: 0, broken: 0, failed: 0, timesMs: [], words: [] };
  let cookie = '';

  async function get(path) {
    return send(fleet.url(random()) + path, {
      headers: { accept: 'application/json', ...(cookie === '' ? {} : { cookie }) },
    });
  }

  function keepCookie({ headers }) {
    const [line] = headers['set-cookie'] ?? [];
    if (line !== undefined) cookie = line.slice(0, line.indexOf(';'));
  }

  async function signIn() {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      try {
        cookie = '';
        const started = await get('/connect/authorize');
        keepCookie(started);
        const callback = (await provider.allow(started.headers.location)).slice(SITE.length);
        const landed = await get(callback);
        keepCookie(landed);
        if (landed.status === 302) return;
      } catch {
        // The process was killed in the middle; people try again.
      }
      await sleep(50);
    }
    throw new Error('Nobody can sign in.');
  }

  /** @returns the status, or 0 when the process was killed under the request */
  async function read() {
    const startedMs = performance.now();
    const { status, body } = await get('/token').catch(() => ({ status: 0 }));
    tally.requests += 1;
    tally.timesMs.push(performance.now() - startedMs);
    if (status === 0) tally.broken += 1;
    else if (status === 503) tally.unavailable += 1;
    else if (status === 401) tally.words.push(body);
    else if (status !== 200) tally.failed += 1;
    return status;
  }

  async function burst() {
    const writer =
      random() < 0.5 ? get(`/write?ms=${Math.round(20 + 400 * random())}`).catch(() => undefined) : undefined;
    const statuses = await Promise.all(Array.from({ length: 2 + Math.floor(4 * random()) }, read));
    if (!statuses.includes(401)) return writer;
    tally.lost += 1;
    await writer;
    return signIn();
  }

  async function visit() {
    while (!stopped()) {
      const before = sleep(100 + 300 * random());
      // A writer may outlive its burst, and overlap with the next.
      await Promise.race([burst(), sleep(20_000)]);
      await before;
    }
  }

  /**
   * Whether the visitor is still signed in at the end, with a token that works; asked until the answer is not a passing
   * one. A token of two seconds can expire on its way to the API, or to us, and then nobody knows for how long it lives:
   * the app passes on what the API has refused, as `client(req)` does.
   */
  async function check() {
    let last = '';
    let refused = '';
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const { status, body } = await get(`/token?refused=${refused}`).catch(() => ({ status: 0 }));
      refused = status === 200 ? JSON.parse(body).accessToken : refused;
      if (status === 200 && (await worksAtTheApi(refused))) return 'connected';
      if (status === 401) return body;
      last = status === 200 ? 'a token that the API refuses' : `${status} ${body}`;
      await sleep(200);
    }
    return `no working token in 100 attempts, at last ${last}`;
  }

  async function worksAtTheApi(accessToken) {
    const { status } = await send(`${provider.connectOptions.apiBaseUrl}/me`, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    return status === 200;
  }

  return { signIn, visit, check, tally };
}
