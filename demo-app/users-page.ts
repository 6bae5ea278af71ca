import type { ConnectionStatus } from 'express-connect-auth';
import { html, type Html } from './html';
import { signIn } from './home-page';
import type { Flash } from './flash';
import type { JobOutcome } from './nightly-job';
import { disconnectedOutcome, outcome } from './outcome';
import { userBar } from './user-bar';
import { userById, USERS, type DemoUser } from './users';
import { endedInWords, moment, timeLeft } from './words';

/** A user who is signed in, with what is recorded of them. */
export interface Account {
  readonly user: DemoUser;
  readonly status: ConnectionStatus;
}

/** What the page of the users tells. */
export interface UsersPage {
  /** Undefined: nobody is signed in. */
  readonly account: Account | undefined;
  /** What the visitor's last action came to. */
  readonly told: (Flash & { readonly page: '/users' }) | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Users of an app: their account, and a job that acts for them. */
export function usersContent({ account, told, nowMs }: UsersPage): Html {
  const chosen = told?.kind === 'job' ? told.job.userId : account?.user.id;
  return html`${userBar(account?.user, '/users')}
<h1>Connect once, be connected everywhere</h1>
<p class="lead">With the option <code>owner</code> a connection belongs to a user of your app: it is there on every device,
and a job can use it while no browser is open. Try it with Ada and Grace; they need no password.</p>
<div class="stack">
${told === undefined ? undefined : told.kind === 'job' ? jobOutcome(told.job) : disconnectedOutcome(told.user)}
<div class="stack pair">
<section class="card" aria-labelledby="account">
<h2 id="account">${account === undefined ? 'The account' : html`${account.user.name}’s account`}</h2>
${account === undefined ? html`<p class="soft">Sign in above to see it.</p>` : accountContent(account, nowMs)}
</section>
<section class="card" aria-labelledby="job">
<h2 id="job">A job without a browser</h2>
<p class="soft">It knows only who the user is, and needs no session and no cookie:
<code>connect.of(user)<wbr>.client()<wbr>.get('/me')</code></p>
<form method="post" action="/users/job">
<div class="field"><label for="user">Run it for</label><select id="user" name="user">${userOptions(chosen)}</select></div>
<div class="actions"><button class="button" type="submit">Run the nightly job</button></div>
</form>
</section>
</div>
${JOURNEY}
</div>`;
}

function accountContent({ user, status }: Account, nowMs: number): Html {
  if (!status.connected) {
    const { since, reason } = status;
    return html`<p class="soft">${
      since === undefined || reason === undefined
        ? `${user.name} has not connected an account yet.`
        : html`Not connected since ${moment(since, nowMs)}: ${endedInWords(reason)}.`
    }</p>
<div class="actions"><a class="button" href="${signIn('/users')}">Connect ${user.name}’s account</a></div>`;
  }
  const { since, expiresAt } = status;
  return html`<dl class="facts">
<div><dt>Connected since</dt><dd>${moment(since, nowMs)}</dd></div>
<div><dt>Token expires in</dt><dd>${timeLeft(expiresAt === undefined ? undefined : expiresAt.getTime() / 1000, nowMs)}</dd></div>
</dl>
<div class="actions column"><a class="button" href="/connected">Look at the connection</a>
<form method="post" action="/users/disconnect"><button class="button danger" type="submit">Disconnect everywhere</button></form></div>`;
}

function jobOutcome({ userId, name, error, timeMs, worker }: JobOutcome): Html {
  const user = userById(userId)?.name ?? '';
  const result =
    error === undefined
      ? html`${name === undefined ? 'The API has answered, but gave no name.' : `The API knows ${user} as “${name}”.`}`
      : html`The job failed: “${error.title}” (<code>${error.code}</code>).`;
  const by = worker === undefined ? '' : `, in worker ${worker}`;
  return outcome(
    `The nightly job for ${user}`,
    html`<p>${result} <span class="soft">It ran at ${moment(new Date(timeMs), timeMs)}${by}.</span></p>`,
    { failed: error !== undefined },
  );
}

function userOptions(chosenId: string | undefined): readonly Html[] {
  return USERS.map(
    ({ id, name }) => html`<option value="${id}"${id === chosenId ? html` selected` : undefined}>${name}</option>`,
  );
}

const JOURNEY = html`<section class="card" aria-labelledby="journey">
<h2 id="journey">What to try</h2>
<ol class="journey">
<li>Sign in as Ada, and connect her account.</li>
<li>Open a private window or another browser, and sign in as Ada there: she is connected already.</li>
<li>Run the nightly job for Ada: it works without a session of hers.</li>
<li>Switch to Grace: she is not connected, and sees nothing of Ada’s.</li>
<li>Switch back to Ada, and disconnect her everywhere: both browsers lose the connection.</li>
</ol>
</section>`;
