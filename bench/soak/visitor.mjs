import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from './http.mjs';

/** Where the app is registered with the provider; the visitors go to its processes themselves. */
export const SITE = 'http://127.0.0.1:1';

/** How often a user connects once more, on whichever device: once in so many visits. */
const VISITS_PER_SIGN_IN = 25;

/**
 * One visitor with a page that polls: bursts of parallel reads by whichever process, and beside them slow requests that
 * save the session. A 401 means that the sign-in is lost: it is counted, and the visitor signs in again.
 * @param user - whose device it is, who logs in and may connect on another one; undefined: nobody's
 */
export function visitor({ fleet, provider, random, stopped, user }) {
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

  /** A new session, in which the user is logged in, if it is a user. */
  async function begin() {
    cookie = '';
    if (user === undefined) return;
    const answer = await get(`/login?as=${user}`);
    if (answer.status !== 200) throw new Error('no login');
    keepCookie(answer);
  }

  /** Logs in on a device of a user who is connected. */
  const logIn = () => insist(begin, 'Nobody can log in.');

  const signIn = () => insist(connect, 'Nobody can sign in.');

  async function connect() {
    await begin();
    const started = await get('/connect/authorize');
    keepCookie(started);
    const callback = (await provider.allow(started.headers.location)).slice(SITE.length);
    const landed = await get(callback);
    keepCookie(landed);
    if (landed.status !== 302) throw new Error('not connected');
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
      if (user !== undefined && random() * VISITS_PER_SIGN_IN < 1) await signIn();
      await before;
    }
  }

  const check = () => stillConnected((refused) => get(`/token?refused=${refused}`), provider);

  return { signIn, logIn, visit, check, tally };
}

/** People try again when a process was killed in the middle. */
async function insist(step, otherwise) {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    try {
      return await step();
    } catch {
      await sleep(50);
    }
  }
  throw new Error(otherwise);
}

/**
 * Whether somebody is still connected at the end, with a token that works; asked until the answer is not a passing one. A
 * token of two seconds can expire on its way to the API, or to us, and then nobody knows for how long it lives: the app
 * passes on what the API has refused, as `client()` does.
 * @param ask - with the token that the API has refused, or an empty one
 * @returns `connected`, or what was said instead
 */
export async function stillConnected(ask, provider) {
  let last = '';
  let refused = '';
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { status, body } = await ask(refused).catch(() => ({ status: 0 }));
    refused = status === 200 ? JSON.parse(body).accessToken : refused;
    if (status === 200 && (await worksAtTheApi(refused, provider))) return 'connected';
    if (status === 401) return body;
    last = status === 200 ? 'a token that the API refuses' : `${status} ${body}`;
    await sleep(200);
  }
  return `no working token in 100 attempts, at last ${last}`;
}

async function worksAtTheApi(accessToken, { connectOptions }) {
  const { status } = await send(`${connectOptions.apiBaseUrl}/me`, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
  return status === 200;
}
