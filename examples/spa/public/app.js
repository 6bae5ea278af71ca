/* global BroadcastChannel, document, fetch, location, open */
const find = (id) => document.getElementById(id);

async function load() {
  const answer = await fetch('/api/me');
  const body = await answer.json();
  const mustConnect = answer.status === 401;
  find('ways').hidden = !mustConnect;
  find('leave').hidden = !answer.ok;
  if (mustConnect) offer(body.loginUrl);
  // Errors are problem+json, whose detail is made to be shown.
  find('status').textContent = answer.ok ? `${body.name}, ${body.email}` : body.detail;
}

function offer(loginUrl) {
  const here = encodeURIComponent(location.pathname + location.search + location.hash);
  const redirect = () => location.assign(`${loginUrl}?returnTo=${here}`);
  find('redirect').onclick = redirect;
  // In the click itself, or the browser blocks the popup; blocked all the same, the whole page goes.
  find('popup').onclick = () => open(loginUrl, 'connect', 'popup,width=520,height=680') ?? redirect();
}

// Not window.opener: a provider's page may cut that link, by Cross-Origin-Opener-Policy.
new BroadcastChannel('connect').onmessage = load;
load();
