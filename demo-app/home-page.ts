import { html, type Html } from './html';

/** Address that starts a sign-in and ends on a page of the demo. */
export function signIn(returnTo: string): string {
  return `/connect/authorize?returnTo=${returnTo}`;
}

/** The one that ends on the connected page. */
export const SIGN_IN = signIn('/connected');

const STROKE = 'fill="none" stroke="currentColor" stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round"';

function icon(path: string): Html {
  return {
    markup: `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false" ${STROKE}>${path}</svg>`,
  };
}

const ICONS = {
  leave: icon('<path d="M5 12h13M13 6.5 18.5 12 13 17.5"/>'),
  allow: icon('<path d="M12 3.5 5 6v5.5c0 4.3 2.9 7.6 7 9 4.1-1.4 7-4.7 7-9V6z"/><path d="m9 11.8 2.2 2.2 4-4.2"/>'),
  hold: icon('<circle cx="8" cy="12" r="4"/><path d="M12 12h8.5M17.5 12v3.2M20.5 12v2.2"/>'),
};

/** The journey in three pictures. */
function steps(done: boolean): Html {
  const step = (picture: Html, title: string, text: string) =>
    html`<li${done ? html` class="done"` : undefined}>${picture}<h2>${title}</h2><p>${text}</p></li>`;
  return html`<ol class="steps card" aria-label="The journey">
${step(ICONS.leave, 'You leave for a moment', 'The button sends you to the provider, with a secret that only this browser holds.')}
${step(ICONS.allow, 'You say yes', 'The provider shows who is asking. You allow it or decline.')}
${step(ICONS.hold, 'This site holds the token', 'A one-time code is exchanged out of sight, and you land where you wanted to go.')}
</ol>`;
}

/** First page for a visitor who is not connected. @param left - whether they have just disconnected */
export function welcomeContent(left: boolean): Html {
  return html`<p class="eyebrow"><span class="dot"></span>${left ? 'Disconnected: the token is gone' : 'Not connected'}</p>
<h1>Connect your account, and see everything that can go wrong</h1>
<p class="lead">A small shop window for <strong>express-connect-auth</strong>: a complete sign-in with Appy Pie Connect,
mounted on an Express app by one line.</p>
<div class="actions">
<a class="button" href="${SIGN_IN}">Connect your account</a>
<a class="button quiet" href="/errors">See the errors</a>
</div>
${steps(false)}`;
}

/** First page for a visitor who is connected. */
export function welcomeBackContent(): Html {
  return html`<p class="eyebrow"><span class="dot good"></span>Connected</p>
<h1>You are connected</h1>
<p class="lead">The token is in this site’s session. Your browser holds a cookie and never sees the token itself.</p>
<div class="actions">
<a class="button" href="/connected">Look at the connection</a>
<a class="button quiet" href="/errors">See the errors</a>
</div>
${steps(true)}`;
}
