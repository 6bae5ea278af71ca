import { html, type Html } from './html';
import { USERS, type DemoUser } from './users';

/** Pages that show the bar, and that its buttons lead back to. */
export type BarPage = '/' | '/connected' | '/users';

const NOBODY: Readonly<Record<BarPage, string>> = {
  '/': 'Or try it as a user of your app',
  '/connected': 'No user is signed in',
  '/users': 'No user is signed in',
};

/** Says who is signed in, and lets anybody sign in as anybody. @param user - undefined: nobody */
export function userBar(user: DemoUser | undefined, page: BarPage): Html {
  const others = USERS.filter((other) => other !== user).map(
    ({ id, name }) =>
      html`<button class="button quiet small" type="submit" name="user" value="${id}">${user === undefined ? 'Sign in as' : 'Switch to'} ${name}</button>`,
  );
  const signOut = html`<button class="button quiet small" type="submit" formaction="/users/sign-out">Sign out</button>`;
  return html`<form class="user-bar" method="post" action="/users/sign-in" aria-label="User">
<input type="hidden" name="back" value="${page}">
<p>${user === undefined ? NOBODY[page] : `Signed in as ${user.name}`}</p>
<div class="buttons">
${others}
${user === undefined ? undefined : signOut}
</div>
</form>`;
}

/** The page that a form of the bar was on. */
export function barPageOf(text: string | undefined): BarPage {
  return text === '/' || text === '/connected' ? text : '/users';
}
