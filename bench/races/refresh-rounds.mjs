// A refresh, and another request with the same cookie that ends its session or moves it.
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from '../soak/http.mjs';
import { OWN, PAGE, cookieOf, isConnected, isLoggedIn, returning } from './visitor.mjs';

/** As long as a refresh takes here: the second request meets it in every moment. */
const SPREAD_MS = 8;

/** Somebody who is logged in to the app, and whose token has run out. */
async function expired(world) {
  const { cookie: before, path } = await returning(world);
  const cookie = cookieOf(await send(`${world.first}${path}`, { headers: { ...PAGE, cookie: before } }));
  const key = `sess:${
    decodeURIComponent(cookie.slice(cookie.indexOf('=') + 1))
      .slice(2)
      .split('.')[0]
  }`;
  const session = JSON.parse(await world.sessions.get(key));
  session.connectToken.expires_at = Math.floor(Date.now() / 1000) - 10;
  await world.sessions.set(key, JSON.stringify(session), { expiration: 'KEEPTTL' });
  return cookie;
}

/** A refresh, and so many milliseconds later the other request. */
async function meet(world, cookie, other) {
  const refreshing = send(`${world.first}/token`, { headers: { cookie } });
  await sleep(Math.random() * SPREAD_MS);
  const answer = await other();
  return { refreshed: await refreshing, answer };
}

/** What is left under the cookie of a session that has ended or moved. */
async function leftUnder(world, cookie) {
  return { isConnected: await isConnected(world, cookie), isLoggedIn: await isLoggedIn(world, cookie) };
}

function result({ refreshed, answer }, left, ended) {
  const back = [...(left.isLoggedIn ? ['login'] : []), ...(left.isConnected ? ['token'] : [])].join(' and ');
  const what = ended && back !== '' ? `, ${back} back` : '';
  return { outcome: `${refreshed.status}/${answer.status}${what}`, lost: ended && back !== '' };
}

async function logoutRound(world, place) {
  const cookie = await expired(world);
  const met = await meet(world, cookie, () =>
    send(`${world[place]}/logout`, { method: 'POST', headers: { ...OWN, cookie } }),
  );
  return result(met, await leftUnder(world, cookie), JSON.parse(met.answer.body).user !== null);
}

async function disconnectRound(world, place) {
  const cookie = await expired(world);
  const met = await meet(world, cookie, () =>
    send(`${world[place]}/connect/disconnect`, { method: 'POST', headers: { ...OWN, cookie } }),
  );
  const { isLoggedIn } = await leftUnder(world, cookie);
  // Under neither cookie: the visitor stays logged in with the new one.
  const isConnectedStill = (await isConnected(world, cookie)) || (await isConnected(world, cookieOf(met.answer)));
  return result(met, { isLoggedIn, isConnected: isConnectedStill }, met.answer.status === 204);
}

/** A second sign-in of the same session, whose callback another tab opens. */
async function signInRound(world, place) {
  const cookie = await expired(world);
  const started = await send(`${world.first}/connect/authorize`, { headers: { ...PAGE, cookie } });
  const { pathname, search } = new URL(await world.sandbox.allow(started.headers.location));
  const met = await meet(world, cookie, () => send(world[place] + pathname + search, { headers: { ...PAGE, cookie } }));
  return result(met, await leftUnder(world, cookie), met.answer.status === 302);
}

/** Name, what onConnect does, process of the second request, and one round. */
export const REFRESH_RACES = [
  ['refresh, logout in the same process', 'none', 'first', logoutRound],
  ['refresh, disconnect in the same process', 'none', 'first', disconnectRound],
  ['refresh, sign-in in the same process', 'none', 'first', signInRound],
  ['refresh, disconnect in another process', 'none', 'second', disconnectRound],
  ['refresh, sign-in in another process', 'none', 'second', signInRound],
  ['refresh, logout in another process', 'none', 'second', logoutRound],
];
