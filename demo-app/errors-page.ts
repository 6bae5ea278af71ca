import { html, type Html } from './html';
import {
  API_CODES,
  describeTrouble,
  FAULTS,
  SHAPES,
  STATUSES,
  troubleName,
  VISITOR_ACTS,
  type Trouble,
} from './troubles';
import type { Answer } from './walk';

type Option = readonly [value: string, text: string];

function select(name: string, label: string, options: readonly Option[], id: string): Html {
  const items = options.map(([value, text]) => html`<option value="${value}">${text}</option>`);
  return html`<div class="field"><label for="${id}">${label}</label>
<select id="${id}" name="${name}">${items}</select></div>`;
}

const BUTTONS = html`<div class="actions">
<button class="button" type="submit" name="action" value="walk">Walk into it</button>
<button class="button quiet" type="submit" name="action" value="raw">Raw answer</button>
</div>`;

/** The three families of trouble, each as a form that works without script. */
export function errorsContent(): Html {
  const codes = [...API_CODES].map(([code, meaning]): Option => [String(code), `${code}: ${meaning}`]);
  const faults = [...FAULTS].map(([name, fault]): Option => [name, fault.label]);
  const acts = Object.entries(VISITOR_ACTS).map(([act, words]): Option => [act, words.label]);
  return html`<h1>Errors on show</h1>
<p class="lead">Choose what goes wrong. <strong>Walk into it</strong> takes you through a real sign‑in to the page that a
visitor gets; the Back button brings you here again. <strong>Raw answer</strong> goes there for you, as a script would.</p>
<div class="stack">
<section class="card" aria-labelledby="codes">
<h2 id="codes">The provider refuses</h2>
<p class="note">One of its 17 documented codes, at the moment your one-time code is exchanged.</p>
<form method="post" action="/errors">
<input type="hidden" name="kind" value="code">
<div class="fields three">
${select('what', 'API code', codes, 'code')}
${select('shape', 'Form of the error', Object.entries(SHAPES), 'shape')}
${select(
  'status',
  'HTTP status',
  [...STATUSES].map(([status, text]): Option => [String(status), text]),
  'status',
)}
</div>
${BUTTONS}
</form>
</section>
<div class="stack pair">
<section class="card" aria-labelledby="faults">
<h2 id="faults">The connection breaks</h2>
<p class="note">The demo waits three seconds at most, whatever the provider does.</p>
<form method="post" action="/errors">
<input type="hidden" name="kind" value="fault">
<div class="fields">${select('what', 'Fault', faults, 'fault')}</div>
${BUTTONS}
</form>
</section>
<section class="card" aria-labelledby="acts">
<h2 id="acts">Something in the browser</h2>
<p class="note">A visitor changes their mind, is too slow, or is being tricked.</p>
<form method="post" action="/errors">
<input type="hidden" name="kind" value="visitor">
<div class="fields">${select('what', 'Event', acts, 'act')}</div>
${BUTTONS}
</form>
</section>
</div>
<section class="card" aria-labelledby="all">
<h2 id="all">All 17 at once</h2>
<p class="note">Goes through 17 real sign-ins, one for each code, and lists what a visitor would get.</p>
<form method="post" action="/errors"><div class="actions">
<button class="button quiet" type="submit" name="action" value="all">Go through all of them</button></div></form>
</section>
</div>`;
}

/** For a demo that talks to the real provider: nobody can ask that to fail. */
export function errorsNeedSandboxContent(): Html {
  return html`<h1>Errors on show</h1>
<p class="lead">This part needs the sandbox, because the real provider cannot be asked to fail.</p>
<div class="stack"><section class="card">
<h2>How to get there</h2>
<p class="soft">Stop the demo, remove <code>CONNECT_CLIENT_ID</code> from your environment and from
<code>.env</code>, and start it again:</p>
<pre>npm run demo</pre>
</section></div>`;
}

/** For the demo of several processes, whose provider stands apart from them. */
export function errorsInOneProcessContent(): Html {
  return html`<h1>Errors on show</h1>
<p class="lead">This part is in the demo with one process, where the sandbox can be told to fail for one visitor.</p>
<div class="stack"><section class="card">
<h2>How to get there</h2>
<p class="soft">Stop this demo and start the other one:</p>
<pre>npm run demo</pre>
</section></div>`;
}

/** Says what a visitor has to do to meet a trouble that needs their help. */
export function hintContent(trouble: Trouble & { kind: 'visitor' }, next: string): Html {
  const { label, hint } = VISITOR_ACTS[trouble.act];
  return html`<p class="eyebrow"><span class="dot bad"></span>Errors on show</p>
<h1>${label}</h1>
<p class="lead">${hint}</p>
<div class="actions"><a class="button" href="${next}">Go on</a><a class="button quiet" href="/errors">Back</a></div>`;
}

const SHOWN_HEADERS = ['content-type', 'cache-control', 'referrer-policy', 'retry-after', 'allow'];

/** What a script got at the end of a sign-in that went wrong. */
export function answerContent(trouble: Trouble, answer: Answer): Html {
  const problem = readProblem(answer.body);
  const headers = SHOWN_HEADERS.flatMap((name) => {
    const value = answer.headers.get(name);
    return value === undefined ? [] : [`${name}: ${value}`];
  });
  return html`<p class="eyebrow"><span class="dot bad"></span>${describeTrouble(trouble)}</p>
<h1>What a script gets</h1>
<p class="lead">The same words as on the page, as <code>application/problem+json</code>.</p>
<div class="stack"><section class="card" aria-label="Answer">
<p class="verdict"><span class="${answer.status < 400 ? 'status good' : 'status'}">${answer.status}</span>
<strong>${problem?.title ?? 'Redirect'}</strong> <code class="soft">${problem?.code ?? ''}</code></p>
${problem?.detail === undefined ? undefined : html`<p class="soft">${problem.detail}</p>`}
${
  trouble.kind !== 'code'
    ? undefined
    : html`<dl class="facts"><div><dt>The provider’s error</dt>
<dd>${SHAPES[trouble.shape]}</dd></div><div><dt>Its HTTP status</dt><dd>${STATUSES.get(trouble.status)}</dd></div></dl>`
}
<pre>HTTP ${answer.status}
${headers.join('\n')}

${problem === undefined ? '(no body to show)' : JSON.stringify(problem, null, 2)}</pre>
</section></div>
<div class="actions">
<form method="post" action="/errors">${hiddenFields(trouble)}
<button class="button" type="submit" name="action" value="walk">See it as a visitor</button></form>
<a class="button quiet" href="/errors">Choose another</a>
</div>`;
}

/** What became of each of the 17 codes. */
export function allCodesContent(results: readonly { readonly apiCode: number; readonly answer: Answer }[]): Html {
  const rows = results.map(({ apiCode, answer }) => {
    const problem = readProblem(answer.body);
    return html`<tr><th scope="row" class="mono">${apiCode}</th><td>${API_CODES.get(apiCode)}</td>
<td><strong>${answer.status}</strong> ${problem?.title}</td><td><code class="soft">${problem?.code}</code></td></tr>`;
  });
  return html`<h1>All 17 codes</h1>
<p class="lead">Each row is a sign-in that has just been gone through. The status says what it means to the visitor: 4xx, they
can act; 500, this site is set up wrongly; 502 and 503, the provider has trouble.</p>
<div class="stack"><section class="card">
<table class="folding"><thead><tr><th scope="col">API code</th><th scope="col">Its meaning</th>
<th scope="col">The visitor gets</th><th scope="col">Code for developers</th></tr></thead>
<tbody>${rows}</tbody></table>
</section></div>
<div class="actions"><a class="button" href="/errors">Back to the errors</a></div>`;
}

function hiddenFields(trouble: Trouble): Html {
  return html`<input type="hidden" name="trouble" value="${troubleName(trouble)}">`;
}

interface Problem {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
}

/** Reads a problem+json document (RFC 9457); anything else gives nothing. */
function readProblem(body: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
