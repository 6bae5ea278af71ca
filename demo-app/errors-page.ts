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
<button class="button" type="submit" name="action" value="walk">See the page</button>
<button class="button quiet" type="submit" name="action" value="raw">See the JSON</button>
</div>`;

/** The three families of trouble, each as a form that works without script. */
export function errorsContent(): Html {
  const codes = [...API_CODES].map(([code, meaning]): Option => [String(code), `${code}: ${meaning}`]);
  const faults = [...FAULTS].map(([name, fault]): Option => [name, fault.label]);
  const acts = Object.entries(VISITOR_ACTS).map(([act, words]): Option => [act, words.label]);
  return html`<h1>Every error, as your visitors meet it</h1>
<p class="lead">Choose what goes wrong. <strong>See the page</strong> takes you through a real <span class="whole">sign-in</span>; press Allow when you
are asked. <strong>See the JSON</strong> goes through it for you and shows what a script gets.</p>
<div class="stack">
<section class="card" aria-labelledby="codes">
<h2 id="codes">The provider refuses</h2>
<p class="note">It answers with one of its 17 documented codes when your app asks for the token.</p>
<form method="post" action="/errors">
<input type="hidden" name="kind" value="code">
<div class="fields three">
${select('what', 'API code', codes, 'code')}
${select('shape', 'Body of the answer', Object.entries(SHAPES), 'shape')}
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
<p class="note">The provider’s answer is late, broken or missing. Your app waits three seconds at most.</p>
<form method="post" action="/errors">
<input type="hidden" name="kind" value="fault">
<div class="fields">${select('what', 'Fault', faults, 'fault')}</div>
${BUTTONS}
</form>
</section>
<section class="card" aria-labelledby="acts">
<h2 id="acts">Something happens in the browser</h2>
<p class="note">The visitor declines, takes too long, or is being tricked.</p>
<form method="post" action="/errors">
<input type="hidden" name="kind" value="visitor">
<div class="fields">${select('what', 'Event', acts, 'act')}</div>
${BUTTONS}
</form>
</section>
</div>
<section class="card" aria-labelledby="all">
<h2 id="all">All 17 codes at once</h2>
<p class="note">Goes through 17 real sign-ins, one for each code, and lists what the visitor gets.</p>
<form method="post" action="/errors"><div class="actions">
<button class="button quiet" type="submit" name="action" value="all">List all of them</button></div></form>
</section>
</div>`;
}

/** For a demo that talks to the real provider: nobody can ask that to fail. */
export function errorsNeedSandboxContent(): Html {
  return html`<h1>Every error, as your visitors meet it</h1>
<p class="lead">This page needs the sandbox: the real provider cannot be asked to fail.</p>
<div class="stack"><section class="card">
<h2>How to get there</h2>
<p class="soft">Stop the demo, remove <code>CONNECT_CLIENT_ID</code> from your environment and from
<code>.env</code>, and start it again:</p>
<pre>npm run demo</pre>
</section></div>`;
}

/** For the demo of several processes, whose provider stands apart from them. */
export function errorsInOneProcessContent(): Html {
  return html`<h1>Every error, as your visitors meet it</h1>
<p class="lead">This page is part of the demo with one process, where the sandbox can fail for one visitor alone.</p>
<div class="stack"><section class="card">
<h2>How to get there</h2>
<p class="soft">Stop this demo and start the other one:</p>
<pre>npm run demo</pre>
</section></div>`;
}

/** Says what comes before a visitor meets a trouble that is not the provider's. */
export function hintContent(trouble: Trouble & { kind: 'visitor' }): Html {
  const { label, hint } = VISITOR_ACTS[trouble.act];
  return html`<p class="eyebrow"><span class="dot bad"></span>Something happens in the browser</p>
<h1>${label}</h1>
<p class="lead">${hint}</p>
<div class="actions">
<form method="post" action="/errors">${hiddenFields(trouble)}
<button class="button" type="submit" name="action" value="go">Go on</button></form>
<a class="button quiet" href="/errors">Choose another</a></div>`;
}

/** An answer as the session keeps it. */
export interface ShownAnswer {
  readonly status: number;
  /** Lines `name: value`. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** What a sign-in with one of the 17 codes came to. */
export interface CodeResult {
  readonly apiCode: number;
  readonly status: number;
  readonly title: string | undefined;
  readonly code: string | undefined;
}

/** Characters of a body; those of this package are far shorter. */
const MOST_SHOWN = 4_000;
const SHOWN_HEADERS = ['content-type', 'cache-control', 'referrer-policy', 'retry-after', 'allow'];

/** What a script got at the end of a sign-in that went wrong. */
export function answerContent(trouble: Trouble, { status, headers, body }: ShownAnswer): Html {
  const problem = readProblem(body);
  return html`<p class="eyebrow"><span class="dot bad"></span>${describeTrouble(trouble)}</p>
<h1>What a script gets</h1>
<p class="lead">The same message as on the error page, as <code>application/problem+json</code>.</p>
<div class="stack"><section class="card" aria-label="Answer">
<p class="verdict"><span class="${status < 400 ? 'status good' : 'status'}">${status}</span>
<strong>${problem?.title ?? 'Redirect'}</strong> <code class="soft">${problem?.code ?? ''}</code></p>
${problem?.detail === undefined ? undefined : html`<p class="soft">${problem.detail}</p>`}
${
  trouble.kind !== 'code'
    ? undefined
    : html`<dl class="facts"><div><dt>Body from the provider</dt>
<dd>${SHAPES[trouble.shape]}</dd></div><div><dt>HTTP status from the provider</dt><dd>${STATUSES.get(trouble.status)}</dd></div></dl>`
}
<pre>HTTP ${status}
${headers.join('\n')}

${problem === undefined ? '(no body to show)' : JSON.stringify(problem, null, 2)}</pre>
</section></div>
<div class="actions">
<form method="post" action="/errors">${hiddenFields(trouble)}
<button class="button" type="submit" name="action" value="walk">See the page</button></form>
<a class="button quiet" href="/errors">Choose another</a>
</div>`;
}

/** What became of each of the 17 codes. */
export function allCodesContent(results: readonly CodeResult[]): Html {
  // The roles are those of the elements, which lose them where the rows fold.
  const rows = results.map(
    ({ apiCode, status, title, code }) => html`<tr role="row"><th role="rowheader" scope="row" data-label="API code"
class="mono">${apiCode}</th><td role="cell" data-label="Meaning">${API_CODES.get(apiCode)}</td>
<td role="cell" data-label="Visitor sees"><strong>${status}</strong> ${title}</td>
<td role="cell" data-label="Error code"><code class="soft">${code}</code></td></tr>`,
  );
  const heads = ['API code', 'Meaning', 'Visitor sees', 'Error code'].map(
    (head) => html`<th role="columnheader" scope="col">${head}</th>`,
  );
  return html`<h1>All 17 codes</h1>
<p class="lead">Each row is a <span class="whole">sign-in</span> that your app has just gone through. 4xx: the visitor can
act. 500: your app is set up wrongly. 502 and 503: the provider has trouble.</p>
<div class="stack"><section class="card" aria-label="All 17 codes">
<table class="folding" role="table"><thead role="rowgroup"><tr role="row">${heads}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table>
</section></div>
<div class="actions"><a class="button" href="/errors">Back to the errors</a></div>`;
}

/** What is shown of an answer. */
export function shownAnswer({ status, headers, body }: Answer): ShownAnswer {
  const lines = SHOWN_HEADERS.flatMap((name) => {
    const value = headers.get(name);
    return value === undefined ? [] : [`${name}: ${value}`];
  });
  return { status, headers: lines, body: body.slice(0, MOST_SHOWN) };
}

/** What one of the 17 codes came to. */
export function codeResult(apiCode: number, { status, body }: Answer): CodeResult {
  const { title, code } = readProblem(body) ?? {};
  return { apiCode, status, title, code };
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
