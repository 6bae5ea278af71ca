import { createHash } from 'node:crypto';
import type { AuthorizationRequest } from './grants';

const STYLE = `
:root{color-scheme:light dark;--back:#f4f4fb;--card:#fff;--line:#e4e4f0;--edge:#8b8ba6;--text:#1b1b2f;--soft:#5b5b76;--accent:#4f46e5;--on-accent:#fff;--hover:#4338ca;--tint:#eeedfd}
@media(prefers-color-scheme:dark){:root{--back:#101019;--card:#1a1a27;--line:#2d2d40;--edge:#6c6c8a;--text:#f0f0f8;--soft:#a9a9c2;--accent:#818cf8;--on-accent:#12122a;--hover:#a5b4fc;--tint:#26264a}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;padding:24px 16px;background:var(--back);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{width:100%;max-width:460px;padding:36px;background:var(--card);border:1px solid var(--line);border-radius:12px;box-shadow:0 1px 2px rgb(20 20 60/.05),0 12px 32px rgb(20 20 60/.07)}
.badge{display:inline-block;margin:0 0 20px;padding:3px 12px;border-radius:99px;background:var(--tint);color:var(--accent);font-size:.8125rem;font-weight:600;letter-spacing:.02em}
h1{margin:0 0 10px;font-size:1.5rem;line-height:1.25;letter-spacing:-.015em;text-wrap:balance}
p{margin:0;color:var(--soft);text-wrap:pretty}
p b{color:var(--text);font-weight:600}
dl{margin:28px 0;border-top:1px solid var(--line)}
dl div{display:flex;gap:16px;justify-content:space-between;padding:12px 0;border-bottom:1px solid var(--line)}
dt{flex:none;color:var(--soft)}
dd{margin:0;font-weight:550;text-align:right;overflow-wrap:anywhere}
form{display:flex;gap:12px}
button{flex:1;min-height:48px;padding:10px 20px;border:1px solid var(--edge);border-radius:12px;background:transparent;color:var(--text);font:inherit;font-weight:600;cursor:pointer}
button:hover{border-color:var(--text)}
.allow{background:var(--accent);border-color:var(--accent);color:var(--on-accent)}
.allow:hover{background:var(--hover);border-color:var(--hover)}
:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
.note{margin-top:24px;font-size:.875rem}
@media(max-width:480px){body{place-items:start center}main{padding:28px 22px}form{flex-direction:column}button{flex:none;width:100%}}
@media(forced-colors:active){.badge{border:1px solid}}
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/**
 * Headers of the sandbox's pages. No `form-action`: Chromium applies it to the redirects after a form too, and so to
 * the app's callback and wherever that leads; the button would seem dead.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'`,
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
});

/**
 * The page on which a person decides. Looks and words are invented.
 * @param consentId - comes back with the form and names this decision
 */
export function consentPage(request: AuthorizationRequest, consentId: string, formPath: string): string {
  return page(
    'An app wants to connect',
    `
<h1>An app wants to connect</h1>
<p>It asks to act for your test account. Press <b>Allow</b> to sign in: you need no password, and nothing leaves this computer.</p>
<dl>
<div><dt>App</dt><dd>${escaped(request.clientId)}</dd></div>
<div><dt>Access</dt><dd>${escaped(request.scope === '*' ? 'Everything (*)' : request.scope)}</dd></div>
<div><dt>Returns to</dt><dd>${escaped(new URL(request.redirectUri).host)}</dd></div>
</dl>
<form method="post" action="${escaped(formPath)}">
<input type="hidden" name="consent" value="${escaped(consentId)}">
<button class="allow" name="decision" value="allow">Allow</button>
<button name="decision" value="decline">Decline</button>
</form>
<p class="note">This page stands in for Appy Pie Connect while you develop and test. Press Decline to see what your app does in that case.</p>`,
  );
}

/** Shown instead of a redirect when it is not certain where to send the visitor (RFC 6749 §4.1.2.1). */
export function refusedPage(reason: string): string {
  return page(
    'This request cannot be answered',
    `
<h1>This request cannot be answered</h1>
<p>${escaped(reason)}</p>
<p class="note">The visitor was not sent back to the app, because the request does not say safely where to.</p>`,
  );
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – Sandbox</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<p class="badge">Sandbox</p>${content}
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
