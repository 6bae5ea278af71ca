import { html, type Html } from './html';
import { userById } from './users';

/** What an action came to, told above the rest of its page. */
export function outcome(title: string, content: Html, { failed = false } = {}): Html {
  return html`<section class="card outcome${failed ? ' failed' : ''}" role="status" aria-labelledby="outcome"><h2 id="outcome">${title}</h2>${content}</section>`;
}

/** After the end of a connection. @param userId - of the user it belonged to; undefined: to this browser alone */
export function disconnectedOutcome(userId: string | undefined): Html {
  const name = userById(userId)?.name;
  return name === undefined
    ? outcome(
        'You are disconnected',
        html`<p class="soft">The token is deleted, and no request that is still under way can bring it back.</p>`,
      )
    : outcome(
        `${name} is disconnected on every device`,
        html`<p class="soft">${name}’s token is deleted: no browser and no job can use it any more.</p>`,
      );
}
