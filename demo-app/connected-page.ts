import type { ConnectToken } from 'express-connect-auth';
import { BURST_SIZE, tokenHash, type BurstResult } from './burst';
import type { ConnectionOwner } from './connection-owner';
import { html, type Html } from './html';
import type { JournalLine } from './journal';
import { TOKEN_SECONDS } from './provider';
import { userBar } from './user-bar';
import { userById } from './users';
import { counted, eventInWords, moment, timeLeft } from './words';

/** The process that answers, where there are several. */
export interface WorkerSign {
  /** From 1 on. */
  readonly number: number;
  readonly of: number;
  readonly pid: number;
}

/** What is told about a connection: everything but the tokens. */
export interface Connection {
  readonly token: ConnectToken;
  /** How often its token has been replaced since the sign-in; undefined when the session does not say. */
  readonly refreshes: number | undefined;
  readonly events: readonly JournalLine[];
  readonly worker: WorkerSign | undefined;
  /** Whose connection it is; undefined: of nobody who is logged in. */
  readonly owner: ConnectionOwner | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** The whole page. @param outcome - what the visitor's last action came to */
export function connectedContent(connection: Connection, outcome?: Html): Html {
  const { worker, owner } = connection;
  return html`${owner === undefined ? undefined : userBar(owner.user, '/connected')}<p class="eyebrow"><span class="dot good"></span>Connected</p>
<h1>Your account is connected</h1>
<p class="lead">The token is in this site’s session and stays on the server. Shortly before it expires, whichever request
comes next fetches a new one.</p>
<div class="stack">
${outcome}
<div class="stack pair">
<div class="stack" id="live">
${liveContent(connection)}
</div>
<section class="card try" aria-labelledby="try">
<h2 id="try">Try it</h2>
${action('/connected/expire', 'Expire it now', 'Ages the token in your session. The very next page needs a new one, and gets it.')}
${action(
  '/connected/burst',
  `${BURST_SIZE} requests at once`,
  'Ages the token and sends fifty requests with it at the same time. The provider is asked once.',
)}
${action('/connected/me', 'Call /me', 'Calls the API in your name by connect.client(req).')}
${
  worker === undefined
    ? undefined
    : action(
        '/connected/kill',
        `Kill worker ${worker.number}`,
        'Ends the process that made this page, without warning. You stay connected.',
        html`<input type="hidden" name="worker" value="${worker.number}">`,
      )
}
${action('/connect/disconnect', 'Disconnect', disconnectNote(owner))}
</section>
</div>
</div>`;
}

function disconnectNote(owner: ConnectionOwner | undefined): string {
  return owner === undefined
    ? 'Takes the token out of the session, for good.'
    : `Ends the connection of ${owner.user.name} on every device, for good.`;
}

function action(path: string, label: string, text: string, fields?: Html): Html {
  return html`<form class="action" method="post" action="${path}">${fields}
<button class="button quiet" type="submit">${label}</button><p class="note">${text}</p></form>`;
}

/** The part that the script keeps up to date. */
export function liveContent({ token, refreshes, events, worker, owner, nowMs }: Connection): Html {
  const secondsLeft = token.expires_at === undefined ? undefined : Math.max(0, token.expires_at - nowMs / 1000);
  const words = timeLeft(token.expires_at, nowMs);
  const left =
    secondsLeft === undefined ? html`${words}` : html`<span data-seconds="${secondsLeft.toFixed(1)}">${words}</span>`;
  const bar =
    secondsLeft === undefined || secondsLeft > TOKEN_SECONDS
      ? undefined
      : html`<progress max="${TOKEN_SECONDS}" value="${Math.ceil(secondsLeft)}" aria-label="Time left"></progress>`;
  return html`<section class="card" aria-label="Connection">
<dl class="facts">
<div class="first"><dt>Time left</dt><dd>${left}${bar}</dd></div>
${
  owner === undefined
    ? undefined
    : html`<div><dt>User</dt>
<dd>${owner.user.name} <span class="soft">(connected since ${moment(owner.since, nowMs)})</span></dd></div>`
}
<div><dt>Refreshed</dt><dd>${refreshes === undefined ? 'not known' : counted(refreshes, 'time')}</dd></div>
<div><dt>Token</dt><dd><span class="mono">${tokenHash(token.access_token)}</span> <span class="soft">(a hash of it)</span></dd></div>
<div><dt>Token type</dt><dd>${token.type}</dd></div>
<div><dt>Refresh token</dt><dd>${token.refresh_token === undefined ? 'no' : 'yes'}</dd></div>
<div><dt>Scope</dt><dd>${scopeInWords(token.scope)}</dd></div>
${
  worker === undefined
    ? undefined
    : html`<div><dt>Answered by</dt>
<dd>worker ${worker.number} of ${worker.of} <span class="soft">(process ${worker.pid})</span></dd></div>`
}
</dl>
</section>
<section class="card last" aria-labelledby="events">
<h2 id="events">What <code>onEvent</code> was told</h2>
${events.length === 0 ? html`<p class="note">Nothing yet.</p>` : html`<ol class="events">${events.map(eventLine)}</ol>`}
</section>`;
}

function eventLine({ event, count, worker }: JournalLine): Html {
  const [what, more] = eventInWords(event);
  const at = new Date(event.time);
  return html`<li><time class="mono" datetime="${at.toISOString()}">${at.toTimeString().slice(0, 8)}</time>
<span><strong>${what}</strong>${count === 1 ? undefined : html` <b class="times">× ${count}</b>`}
<span class="soft">${more}${aboutUser(event.owner)}${worker === undefined || count > 1 ? '' : `, worker ${worker}`}</span></span></li>`;
}

function aboutUser(id: string | undefined): string {
  const user = userById(id);
  return user === undefined ? '' : ` (${user.name})`;
}

function scopeInWords(scope: string | undefined): string {
  if (scope === undefined) return 'the provider did not say';
  return scope === '*' ? '* (everything)' : scope;
}

function outcome(title: string, content: Html): Html {
  return html`<section class="card outcome" aria-labelledby="outcome"><h2 id="outcome">${title}</h2>${content}</section>`;
}

/** @param before - {@link tokenHash} of the token that was aged */
export function expiredOutcome(before: string, token: ConnectToken): Html {
  const after = tokenHash(token.access_token);
  return outcome(
    'Expired, and already refreshed',
    html`<p class="soft">Token <code>${before}</code> was expired by hand.
The request for this page found it so and fetched a new one before the page was made: <code>${after}</code>.</p>`,
  );
}

/** What the fifty requests came to. @param before - {@link tokenHash} of the token that they arrived with */
export function burstOutcome(
  before: string,
  { answered, tokens, perWorker, tookMs, providerCalls }: BurstResult,
): Html {
  const spread = [...perWorker].map(([number, count]) => html`<li><b>${count}</b> by worker ${number}</li>`);
  return outcome(
    `${BURST_SIZE} requests at once`,
    html`<ul class="figures">
<li><b>${answered}</b> of ${BURST_SIZE} answered</li>
<li><b>${tokens.length}</b> ${tokens.length === 1 ? 'token' : 'different tokens'} in all of them</li>
${providerCalls === undefined ? undefined : html`<li><b>${providerCalls}</b> ${providerCalls === 1 ? 'call' : 'calls'} to the provider</li>`}
</ul>
${spread.length === 0 ? undefined : html`<ul class="figures small">${spread}</ul>`}
<p class="note">Each of them came with the expired token <code>${before}</code>; their handlers got
<code>${tokens.join(', ')}</code>. The last answer came after ${tookMs} ms.</p>`,
  );
}

/** What the API said. */
export function meOutcome(status: number, data: unknown): Html {
  return outcome(
    'GET /me',
    html`<p class="note">HTTP ${status}, asked for by <code>connect.client(req).get('/me')</code></p>
<pre>${JSON.stringify(data, null, 2)}</pre>`,
  );
}

/** @param killed - the number of the process that is gone */
export function killedOutcome(killed: number, worker: WorkerSign | undefined): Html {
  return outcome(
    `Worker ${killed} was killed`,
    html`<p class="soft">Worker ${worker?.number} made this page, you are still
connected, and another worker ${killed} is on its way: sessions and refreshes are kept in Redis, not in a process.</p>`,
  );
}
