import { createHash } from 'node:crypto';
import { referenceOf, type ConnectError } from '../errors/connect-error';

const STYLE = [
  ':root{color-scheme:light dark;--ink:#1a1b2e;--soft:#55597a;--ground:#f4f5fb;--card:#fff;--line:#dfe2f0;',
  '--accent:#4f46e5;--hover:#4338ca;--on:#fff;--shade:rgb(26 27 46/.08)}',
  '@media(prefers-color-scheme:dark){:root{--ink:#eceefa;--soft:#a9aecb;--ground:#0e0f18;--card:#171926;--line:#2a2d42;',
  '--accent:#818cf8;--hover:#a5adfb;--on:#11121f;--shade:rgb(0 0 0/.4)}}',
  '*{box-sizing:border-box}',
  'body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px 16px;background:var(--ground);',
  'color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}',
  'main{width:100%;max-width:30rem;padding:36px;background:var(--card);border:1px solid var(--line);border-radius:12px;',
  'box-shadow:0 1px 2px var(--shade),0 12px 32px var(--shade)}',
  'h1{margin:0 0 10px;font-size:1.5rem;line-height:1.25;letter-spacing:-.015em;text-wrap:balance}',
  'p{margin:0;color:var(--soft);text-wrap:pretty}',
  'a{display:block;margin-top:28px;padding:11px 24px;border-radius:12px;background:var(--accent);color:var(--on);',
  'font-weight:600;text-align:center;text-decoration:none}',
  'a:hover{background:var(--hover)}',
  'a:focus-visible{outline:3px solid var(--accent);outline-offset:3px}',
  'small{display:block;margin-top:28px;padding-top:16px;border-top:1px solid var(--line);color:var(--soft);',
  'font-size:.875rem;overflow-wrap:anywhere}',
  '@media(max-width:480px){main{padding:28px 22px}}',
  '@media(min-width:481px){a{display:inline-block}}',
  '@media(forced-colors:active){a{border:1px solid}}',
].join('');

const styleHash = createHash('sha256').update(STYLE).digest('base64');

/** Policy of the error page: nothing but its own style, no framing, no form, no base. */
export const ERROR_PAGE_CSP =
  `default-src 'none'; style-src 'sha256-${styleHash}'; frame-ancestors 'none'; ` +
  "base-uri 'none'; form-action 'none'";

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/gu, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * The error as a self-contained page: static words, no text of a visitor or the provider.
 * @param homeUrl - where to send a visitor who cannot start again
 */
export function errorPage(error: ConnectError, homeUrl: string | undefined): string {
  const [url, label] =
    error.loginUrl === undefined ? [homeUrl, 'Go to the start page'] : [error.loginUrl, 'Start again'];
  const link = url === undefined ? '' : `<a href="${escapeHtml(url)}">${label}</a>\n`;
  const reference = referenceOf(error);
  const named = reference === undefined ? '' : `<br>Reference ${escapeHtml(reference)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(error.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(error.title)}</h1>
<p>${escapeHtml(error.detail)}</p>
${link}<small>Error ${error.status} · ${escapeHtml(error.code)}${named}</small>
</main>
</body>
</html>
`;
}
