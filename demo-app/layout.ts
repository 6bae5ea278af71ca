import { html, type Html } from './html';

/** What differs from page to page. */
export interface Page {
  /** Shown in the tab, before the name of the demo. */
  readonly title: string;
  /** Path of the entry of the navigation that this page belongs to. */
  readonly current?: '/' | '/users' | '/errors';
  /** What the demo talks to, for the foot of the page. */
  readonly provider: 'sandbox' | 'real';
  /** Whether there is a page of the users. */
  readonly hasUsers: boolean;
  readonly content: Html;
  /** Whether the script that keeps the connection up to date belongs to it. */
  readonly live?: boolean;
}

/** What a route says of its page; the rest is the demo's. */
export type PageContent = Omit<Page, 'provider' | 'hasUsers'>;

const MARK = html`<svg viewBox="0 0 32 32" aria-hidden="true" focusable="false"><rect width="32" height="32" rx="9"
  fill="#4f46e5"/><g fill="none" stroke="#fff" stroke-width="2.6"><circle cx="12.5" cy="16" r="5.5"/><circle cx="19.5"
  cy="16" r="5.5"/></g></svg>`;

const FOOT = {
  sandbox: 'This demo talks to a sandbox on this computer: you need no account, and nothing leaves the machine.',
  real: 'This demo talks to Appy Pie Connect with the credentials from your environment.',
} as const;

/** A whole document in the demo's looks. */
export function layout(page: Page): string {
  const link = (path: '/' | '/users' | '/errors', text: string) =>
    html`<a href="${path}"${page.current === path ? html` aria-current="page"` : undefined}>${text}</a>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title} · express-connect-auth</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
${page.live === true ? html`<script src="/live.js" defer></script>` : undefined}
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
<header class="bar">
<a class="brand" href="/">${MARK}<span>express-connect-auth</span></a>
<nav aria-label="Main">${link('/', 'Home')}${page.hasUsers ? link('/users', 'Users') : undefined}${link('/errors', 'Errors')}</nav>
</header>
<main id="content" tabindex="-1">
${page.content}
</main>
<footer><p>${FOOT[page.provider]}</p></footer>
</body>
</html>
`.markup;
}
