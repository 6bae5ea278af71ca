// A visitor of the races, and what can be found out about them.
import { send } from '../soak/http.mjs';

export const PAGE = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-origin' };
export const OWN = { 'sec-fetch-site': 'same-origin' };

export const cookieOf = (answer) => answer.headers['set-cookie']?.[0]?.split(';')[0];

/** Somebody who is logged in to the app and comes back from the provider. */
export async function returning({ first, sandbox }) {
  const cookie = cookieOf(await send(`${first}/login`));
  const started = await send(`${first}/connect/authorize`, { headers: { ...PAGE, cookie } });
  const callback = new URL(await sandbox.allow(started.headers.location));
  return { cookie, path: callback.pathname + callback.search };
}

/** Whether this cookie is good for a token that works, or for what onConnect has left. */
export async function isConnected({ first, sandbox }, cookie) {
  if (cookie === undefined) return false;
  const answer = await send(`${first}/token`, { headers: { cookie } });
  return answer.status === 200 && sandbox.works(JSON.parse(answer.body).accessToken);
}

/** What the app finds in the session of this cookie. */
async function who({ first }, cookie) {
  return cookie === undefined ? {} : JSON.parse((await send(`${first}/who`, { headers: { cookie } })).body);
}

export async function isGreeted(world, cookie) {
  return (await who(world, cookie)).greeted === true;
}

export async function isLoggedIn(world, cookie) {
  return typeof (await who(world, cookie)).user === 'string';
}
