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

/** The journey in three pictures. @param done - whether the visitor has made it */
function steps(done: boolean): Html {
  const step = (picture: Html, title: string, text: string) =>
    html`<li${done ? html` class="done"` : undefined}>${picture}<h2>${title}</h2><p>${text}</p></li>`;
  return html`<ol class="steps card" aria-label="How it works">
${step(ICONS.leave, 'You go to the provider', 'The button sends you there, with a secret that only this browser holds.')}
${step(ICONS.allow, 'You press Allow', 'The provider shows who is asking. You allow it or decline.')}
${step(ICONS.hold, 'Your app has a token', 'It is fetched behind the scenes, and kept where the browser cannot see it.')}
</ol>`;
}

/** First page for a visitor who is not connected. @param told - what their last action came to */
export function welcomeContent(told?: Html): Html {
  return html`${told === undefined ? undefined : html`<div class="told">${told}</div>`}
<p class="eyebrow"><span class="dot"></span>Not connected</p>
<h1><span class="whole">Sign-in</span> with Appy Pie Connect, in one line of Express</h1>
<p class="lead"><strong>express-connect-auth</strong> does the whole OAuth flow for your app: <span class="whole">sign-in</span>,
a token that stays fresh, and a clear answer to everything that can go wrong.</p>
<pre class="line">app.use(<wbr>connectAuth(<wbr>connectOptionsFromEnv()));</pre>
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
<p class="lead">The token is kept in the session, on the server. Your browser holds a cookie and never sees the token.</p>
<div class="actions">
<a class="button" href="/connected">Look at the connection</a>
<a class="button quiet" href="/errors">See the errors</a>
</div>
${steps(true)}`;
}
