import type { ConnectToken } from 'express-connect-auth';
import { BURST_SIZE, tokenHash, type BurstResult } from './burst';
import type { ConnectionOwner } from './connection-owner';
import type { ConnectionFlash } from './flash';
import { html, type Html } from './html';
import type { JournalLine } from './journal';
import { outcome } from './outcome';
import { TOKEN_SECONDS } from './provider';
import { userBar } from './user-bar';
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

/** The whole page. @param told - what the visitor's last action came to */
export function connectedContent(connection: Connection, told?: Html): Html {
  const { worker, owner } = connection;
  return html`${owner === undefined ? undefined : userBar(owner.user, '/connected')}<p class="eyebrow"><span class="dot good"></span>Connected</p>
<h1>Your account is connected</h1>
<p class="lead">${kept(owner)} Shortly before it expires, the next request fetches a new one.</p>
<div class="stack">
${told}
<div class="connection">
<div id="live">
${liveContent(connection)}
</div>
<section class="card try" aria-labelledby="try">
<h2 id="try">Try it</h2>
<div class="tries">
${action('/connected/expire', 'Expire the token', 'Makes the token in your session expire. The next request gets a new one.')}
${action(
  '/connected/burst',
  `Send ${BURST_SIZE} requests`,
  `Expires the token and sends ${BURST_SIZE} requests at once. The provider is asked once.`,
)}
${action('/connected/me', 'Call the API', html`Asks the provider who you are, with <code>connect.client(req)</code>.`)}
${
  worker === undefined
    ? undefined
    : action(
        '/connected/kill',
        `Kill worker ${worker.number}`,
        'Kills the process that has answered last. You stay connected.',
        html` id="kill" name="worker" value="${worker.number}"`,
      )
}
</div>
</section>
<section class="card end" aria-labelledby="end">
<div><h2 id="end">End the connection</h2><p class="note">${disconnectNote(owner)}</p></div>
<form method="post" action="/connect/disconnect"><button class="button danger" type="submit">Disconnect</button></form>
</section>
</div>
</div>`;
}

function kept(owner: ConnectionOwner | undefined): string {
  return owner === undefined
    ? 'The token is kept in the session, on the server; your browser never sees it.'
    : `${owner.user.name}’s token is kept on the server, for every device and for jobs; no browser ever sees it.`;
}

function disconnectNote(owner: ConnectionOwner | undefined): string {
  return owner === undefined
    ? 'Deletes the token and ends the connection for good.'
    : `Ends ${owner.user.name}’s connection on every device, for good.`;
}

function action(path: string, label: string, text: Html | string, attributes?: Html): Html {
  return html`<form class="action" method="post" action="${path}">
<button class="button quiet" type="submit"${attributes}>${label}</button><p class="note">${text}</p></form>`;
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
  return html`<section class="card facts-card" aria-label="Connection">
<dl class="facts">
<div class="first"><dt>Token expires in</dt><dd>${left}${bar}</dd></div>
${
  owner === undefined
    ? undefined
    : html`<div><dt>User</dt><dd>${owner.user.name}</dd></div>
<div><dt>Connected since</dt><dd>${moment(owner.since, nowMs)}</dd></div>`
}
<div><dt>Refreshed</dt><dd>${refreshes === undefined ? 'not known' : counted(refreshes, 'time')}</dd></div>
<div><dt>Hash of the token</dt><dd><span class="mono">${tokenHash(token.access_token)}</span></dd></div>
<div><dt>Token type</dt><dd>${token.type}</dd></div>
<div><dt>Refresh token</dt><dd>${token.refresh_token === undefined ? 'no' : 'yes'}</dd></div>
<div><dt>Scope</dt><dd>${scopeInWords(token.scope)}</dd></div>
${
  worker === undefined
    ? undefined
    : html`<div data-worker="${worker.number}"><dt>Answered by</dt>
<dd>worker ${worker.number} of ${worker.of} <span class="soft">(process ${worker.pid})</span></dd></div>`
}
</dl>
</section>
<section class="card events-card" aria-labelledby="events">
<h2 id="events">Your events</h2>
<p class="note">What <code>onEvent</code> has reported about you, newest first.</p>
${events.length === 0 ? html`<p class="soft none">Nothing yet.</p>` : html`<ol class="events">${events.map(eventLine)}</ol>`}
</section>`;
}

function eventLine({ event, count, worker }: JournalLine): Html {
  const [what, more] = eventInWords(event);
  const at = new Date(event.time);
  return html`<li><time class="mono" datetime="${at.toISOString()}">${at.toTimeString().slice(0, 8)}</time>
<span><strong>${what}</strong>${count === 1 ? undefined : html` <b class="times">× ${count}</b>`}
<span class="soft">${more}${worker === undefined || count > 1 ? '' : `, worker ${worker}`}</span></span></li>`;
}

function scopeInWords(scope: string | undefined): string {
  if (scope === undefined) return 'not stated by the provider';
  return scope === '*' ? '* (everything)' : scope;
}

/**
 * What the visitor's last action came to.
 * @param isDead - whether a worker that was to be killed is known to be gone
 */
export function actionOutcome(flash: ConnectionFlash, token: ConnectToken, isDead: boolean): Html {
  switch (flash.kind) {
    case 'expired':
      return expiredOutcome(flash.before, tokenHash(token.access_token));
    case 'burst':
      return burstOutcome(flash.before, flash.result);
    case 'me':
      return meOutcome(flash.status, flash.text);
    case 'killed':
      return killedOutcome(flash, isDead);
  }
}

function expiredOutcome(before: string, after: string): Html {
  return outcome(
    'Expired, and already refreshed',
    html`<p class="soft">Token <code>${before}</code> had expired, so the next request fetched a new one:
<code>${after}</code>.</p>`,
  );
}

function burstOutcome(before: string, { answered, tokens, perWorker, tookMs, providerCalls }: BurstResult): Html {
  const spread = perWorker.map(([number, count]) => html`<li><b>${count}</b> by worker ${number}</li>`);
  return outcome(
    `${BURST_SIZE} requests at once`,
    html`<ul class="figures">
<li><b>${answered}</b> of ${BURST_SIZE} answered</li>
${providerCalls === undefined ? undefined : html`<li><b>${providerCalls}</b> ${providerCalls === 1 ? 'call' : 'calls'} to the provider</li>`}
<li><b>${tokens.length}</b> ${tokens.length === 1 ? 'new token' : 'different tokens'} for all of them</li>
</ul>
${spread.length === 0 ? undefined : html`<ul class="figures small">${spread}</ul>`}
<p class="note">Every request came with the expired token <code>${before}</code>, and its handler got
<code>${tokens.join(', ')}</code>. The last answer came after ${tookMs} ms.</p>`,
  );
}

function meOutcome(status: number, text: string): Html {
  return outcome(
    'The API has answered',
    html`<p class="note"><code>connect.client(req).get('/me')</code> gave HTTP ${status}:</p>
<pre>${text}</pre>`,
  );
}

function killedOutcome({ worker, pid }: ConnectionFlash & { kind: 'killed' }, isDead: boolean): Html {
  return isDead
    ? outcome(
        `Worker ${worker} was killed`,
        html`<p class="soft">Process ${pid} is dead, and a new worker ${worker} takes its place. You are still connected:
sessions and refreshes are kept in Redis, not in a process.</p>`,
      )
    : outcome(
        `Worker ${worker} is not dead yet`,
        html`<p class="soft">Process ${pid} was told to end and is still there.</p>`,
        { failed: true },
      );
}
