// A visitor without a browser: starts the sample named on the command line, connects, and prints what /token says.
import { pathToFileURL } from 'node:url';

const { start } = await import(pathToFileURL(process.argv[2]).href);
const { url, sandbox, stop } = await start();
let cookie = '';

async function open(address) {
  const answer = await fetch(address, { redirect: 'manual', headers: { cookie, accept: 'text/html' } });
  cookie = answer.headers.getSetCookie().at(-1)?.split(';')[0] ?? cookie;
  return { status: answer.status, location: answer.headers.get('location'), text: await answer.text() };
}

const before = await open(`${url}/token`);
const authorize = await open(`${url}/connect/authorize?returnTo=/token`);
const callback = await open(await sandbox.allow(authorize.location));
const after = await open(new URL(callback.location, url));
console.log(
  JSON.stringify({
    before: before.text,
    landed: callback.location,
    after: after.text,
    exchanges: sandbox.calls.exchange,
  }),
);
await stop();
