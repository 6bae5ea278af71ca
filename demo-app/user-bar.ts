import { html, type Html } from './html';
import { USERS, type DemoUser } from './users';

/** Pages that show the bar, and that its buttons lead back to. */
export type BarPage = '/' | '/connected' | '/users';

/** Says who is logged in, and lets anybody log in as anybody. @param user - undefined: nobody */
export function userBar(user: DemoUser | undefined, page: BarPage): Html {
  const others = USERS.filter((other) => other !== user).map(
    ({ id, name }) =>
      html`<button class="button quiet small" type="submit" name="user" value="${id}">${user === undefined ? 'Log in as' : 'Switch to'} ${name}</button>`,
  );
  const logOut = html`<button class="button quiet small" type="submit" formaction="/users/logout">Log out</button>`;
  return html`<form class="user-bar" method="post" action="/users/login" aria-label="User">
<input type="hidden" name="back" value="${page}">
<p>${user?.name ?? 'Nobody'} is logged in</p>
<div class="buttons">
${others}
${user === undefined ? undefined : logOut}
</div>
</form>`;
}

/** The page that a form of the bar was on. */
export function barPageOf(text: string | undefined): BarPage {
  return text === '/' || text === '/connected' ? text : '/users';
}
