// Two ways of refreshing that apps write today. They are measured beside the library, and are no part of it: a rig in
// which these lose nothing would be blind.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from './http.mjs';

const LOCK_MS = 10_000;
const LOCK_WAIT_MS = 8000;
const RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";

/** The connection is over. */
class Lost extends Error {}

/** Whether an error of these strategies means that the visitor has to sign in again. */
export function isLost(error) {
  return error instanceof Lost;
}

/** Each request that finds an expired token refreshes by itself. */
export function refreshAlone(provider) {
  return async function getToken(req) {
    if (isExpired(req.session.connectToken)) await refreshInto(req.session, provider);
    return req.session.connectToken;
  };
}

/**
 * The best that is usual: a lock in Redis with an owner, so that nobody else's is released; with the lock in hand the
 * session is read again, as the holder before may have refreshed; the session is saved before the lock is released.
 */
export function refreshUnderLock(provider, redis) {
  return async function getToken(req) {
    if (!isExpired(req.session.connectToken)) return req.session.connectToken;
    const owner = randomBytes(16).toString('hex');
    const key = `lock:${req.sessionID}`;
    await lock(redis, key, owner);
    try {
      await called(req.session, 'reload');
      if (isExpired(req.session.connectToken)) {
        await refreshInto(req.session, provider);
        await called(req.session, 'save');
      }
    } finally {
      await redis.eval(RELEASE, { keys: [key], arguments: [owner] });
    }
    return req.session.connectToken;
  };
}

async function lock(redis, key, owner) {
  const lastMs = Date.now() + LOCK_WAIT_MS;
  while ((await redis.set(key, owner, { condition: 'NX', expiration: { type: 'PX', value: LOCK_MS } })) === null) {
    if (Date.now() > lastMs) throw new Error('The lock is busy.');
    await sleep(10 + 20 * Math.random());
  }
}

function isExpired(token) {
  if (token === undefined) throw new Lost('nothing connected');
  return Date.now() >= token.expires_at * 1000;
}

/** What a failed request means is taken from the provider's own word: only `invalid_grant` is the end. */
async function refreshInto(session, { tokenUrl, clientId, clientSecret }) {
  const { status, body } = await send(tokenUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      grant_type: 'refresh_token',
      refresh_token: session.connectToken.refresh_token,
      client_id: clientId,
      client_secret: clientSecret,
    }),
  });
  if (status === 200) session.connectToken = JSON.parse(body);
  else if (body.includes('invalid_grant')) throw new Lost('invalid_grant');
  else throw new Error('The provider is away.');
}

function called(session, method) {
  return new Promise((resolve, reject) => session[method]((error) => (error ? reject(error) : resolve())));
}
