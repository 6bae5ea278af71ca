import { createHash } from 'node:crypto';
import type { ConnectError } from './errors';

const STYLE = [
  ':root{color-scheme:light dark;--ink:#1e1b2e;--soft:#5b5870;--ground:#f5f5fa;--card:#fff;--line:#e4e3ee;',
  '--accent:#4f46e5;--on:#fff}',
  '@media(prefers-color-scheme:dark){:root{--ink:#f1f0fa;--soft:#b3b0c7;--ground:#12111a;--card:#1c1a28;--line:#312e45;',
  '--accent:#818cf8;--on:#12111a}}',
  '*{box-sizing:border-box}',
  'body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px;background:var(--ground);',
  'color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}',
  'main{width:100%;max-width:30rem;padding:32px;background:var(--card);border:1px solid var(--line);border-radius:12px}',
  'h1{margin:0 0 12px;font-size:1.5rem;line-height:1.25;text-wrap:balance}',
  'p{margin:0 0 16px}',
  'small{display:block;color:var(--soft);font-size:.875rem;overflow-wrap:anywhere}',
  'a{display:inline-block;margin:8px 0 24px;padding:10px 20px;border-radius:8px;background:var(--accent);color:var(--on);',
  'font-weight:600;text-decoration:none}',
  'a:hover{text-decoration:underline}',
  'a:focus-visible{outline:3px solid var(--accent);outline-offset:3px}',
].join('');

const styleHash = createHash('sha256').update(STYLE).digest('base64');

/** Policy of the error page: nothing but its own style, no framing, no form, no base. */
export const ERROR_PAGE_CSP = `default-src 'none'; style-src 'sha256-${styleHash}'; frame-ancestors 'none'; `
  + "base-uri 'none'; form-action 'none'";

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/gu, (character) => escapes[character] ?? '');
}

/** The error as a self-contained page: our static words, no text of a visitor or the provider. */
export function errorPage(error: ConnectError): string {
  const again = error.loginUrl === undefined ? '' : `<a href="${escapeHtml(error.loginUrl)}">Start again</a>\n`;
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
${again}<small>Error ${error.status} · ${escapeHtml(error.code)}</small>
</main>
</body>
</html>
`;
}
