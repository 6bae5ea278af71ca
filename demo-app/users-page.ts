import type { ConnectionStatus } from 'express-connect-auth';
import { html, type Html } from './html';
import { signIn } from './home-page';
import type { JobOutcome } from './nightly-job';
import { userBar } from './user-bar';
import { userById, USERS, type DemoUser } from './users';
import { endedInWords, moment, timeLeft } from './words';

/** A user who is logged in, with what is recorded of them. */
export interface Account {
  readonly user: DemoUser;
  readonly status: ConnectionStatus;
}

/** What the page of the users tells. */
export interface UsersPage {
  /** Undefined: nobody is logged in. */
  readonly account: Account | undefined;
  /** What the last job of this browser came to. */
  readonly job: JobOutcome | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** Users of an app: their account, and a job that acts for them. */
export function usersContent({ account, job, nowMs }: UsersPage): Html {
  return html`${userBar(account?.user, '/users')}
<h1>Connect once, be connected everywhere</h1>
<p class="lead">Two users to log in as, without a password. With the option <code>owner</code> a connection belongs to the
user, on every device, and a job can act for them while no browser is there.</p>
<div class="stack">
${job === undefined ? undefined : jobOutcome(job)}
<div class="stack pair">
<section class="card" aria-labelledby="account">
<h2 id="account">${account === undefined ? 'The account' : html`${account.user.name}’s account`}</h2>
${account === undefined ? html`<p class="soft">Log in to see it.</p>` : accountContent(account, nowMs)}
</section>
<section class="card" aria-labelledby="job">
<h2 id="job">While no browser is there</h2>
<p class="soft">A job knows the user by name alone, and has no session and no cookie:
<code>connect.of(user)<wbr>.client()<wbr>.get('/me')</code></p>
<form method="post" action="/users/job">
<div class="field"><label for="user">Act for</label><select id="user" name="user">${userOptions(job?.userId ?? account?.user.id)}</select></div>
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
<div><dt>Time left, as recorded</dt><dd>${timeLeft(expiresAt === undefined ? undefined : expiresAt.getTime() / 1000, nowMs)}</dd></div>
</dl>
<div class="actions column"><a class="button" href="/connected">Look at the connection</a>
<form method="post" action="/users/disconnect"><button class="button quiet" type="submit">Disconnect everywhere</button></form></div>`;
}

function jobOutcome({ userId, name, error, timeMs, worker }: JobOutcome): Html {
  const user = userById(userId)?.name ?? '';
  const result =
    error === undefined
      ? html`${name === undefined ? 'The API has answered, and told no name.' : `The API calls ${user} “${name}”.`}`
      : html`It came to nothing: “${error.title}” (<code>${error.code}</code>).`;
  const by = worker === undefined ? '' : `, in worker ${worker}`;
  return html`<section class="card outcome" aria-labelledby="outcome">
<h2 id="outcome">The nightly job for ${user}</h2>
<p>${result} <span class="soft">At ${moment(new Date(timeMs), timeMs)}${by}.</span></p>
</section>`;
}

function userOptions(chosenId: string | undefined): readonly Html[] {
  return USERS.map(
    ({ id, name }) => html`<option value="${id}"${id === chosenId ? html` selected` : undefined}>${name}</option>`,
  );
}

const JOURNEY = html`<section class="card" aria-labelledby="journey">
<h2 id="journey">What to try</h2>
<ol class="journey">
<li>Log in as Ada, and connect her account.</li>
<li>Open another browser, or a private window, and log in as Ada: she is connected there, too.</li>
<li>Run the nightly job: it acts for Ada, and no session of hers has a part in it.</li>
<li>Switch to Grace in the same browser: she is not connected, and sees nothing of Ada’s.</li>
<li>Switch back to Ada, and disconnect everywhere: it is over in both browsers.</li>
</ol>
</section>`;
