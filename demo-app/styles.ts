/** The demo's one stylesheet: system fonts, one accent, light and dark, 320 px upwards. */
export const STYLES = `
:root {
  color-scheme: light dark;
  --ground: #f4f5fb; --card: #ffffff; --text: #1a1b2e; --soft: #55597a; --line: #dfe2f0; --field: #8a8fae;
  --accent: #4f46e5; --accent-strong: #4338ca; --on-accent: #ffffff; --tint: #eeeefc; --good: #0f7a4d; --bad: #b3261e; --on-bad: #ffffff;
  --shadow: 0 1px 2px rgb(26 27 46 / .05), 0 12px 32px -12px rgb(26 27 46 / .14);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e0f18; --card: #171926; --text: #eceefa; --soft: #a9aecb; --line: #2a2d42; --field: #6d7296;
    --accent: #818cf8; --accent-strong: #a5adfb; --on-accent: #11121f; --tint: #20233a; --good: #5fd3a0; --bad: #ff9d94; --on-bad: #2b0b08;
    --shadow: 0 1px 2px rgb(0 0 0 / .4), 0 16px 40px -16px rgb(0 0 0 / .6);
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; min-height: 100vh; display: flex; flex-direction: column; background: var(--ground); color: var(--text);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
}
.skip { position: absolute; left: -100vw; top: .5rem; padding: .5rem 1rem; border-radius: 8px; background: var(--card); }
.skip:focus { left: .5rem; z-index: 1; }
.bar, main, footer { width: 100%; max-width: 62rem; margin-inline: auto; padding-inline: clamp(1rem, 4vw, 2rem); }
.bar { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .5rem 1.5rem; padding-block: 1rem; }
.brand { display: inline-flex; align-items: center; gap: .6rem; color: var(--text); font-weight: 650; text-decoration: none; letter-spacing: -.01em; }
.brand svg { width: 1.75rem; height: 1.75rem; flex: none; }
.bar nav { display: flex; gap: 1.5rem; }
.bar nav a { padding-block: .45rem .35rem; border-bottom: 2px solid transparent; color: var(--soft); text-decoration: none; font-weight: 500; }
.bar nav a:hover { color: var(--text); border-color: var(--field); }
.bar nav a[aria-current] { color: var(--accent); border-color: currentColor; }
main { flex: 1; padding-block: clamp(1.25rem, 5vw, 3.5rem) 3rem; }
footer { padding-block: 1.25rem 2rem; color: var(--soft); font-size: .875rem; }
footer p { margin: 0; padding-top: 1.25rem; border-top: 1px solid var(--line); }
h1 { margin: 0 0 .75rem; font-size: clamp(1.9rem, 1.3rem + 2.8vw, 3rem); line-height: 1.12; letter-spacing: -.025em; font-weight: 700; text-wrap: balance; }
h2 { margin: 0 0 .25rem; font-size: 1.2rem; line-height: 1.3; letter-spacing: -.01em; }
h3 { margin: 0; font-size: 1rem; line-height: 1.4; }
p { margin: 0 0 1rem; text-wrap: pretty; }
a { color: var(--accent); text-underline-offset: .2em; }
a:hover { color: var(--accent-strong); }
.lead { max-width: 40rem; color: var(--soft); font-size: 1.125rem; }
.whole { white-space: nowrap; }
.soft { color: var(--soft); }
.note { color: var(--soft); font-size: .925rem; margin: 0; }
.eyebrow { display: inline-flex; align-items: center; gap: .5rem; margin-bottom: 1rem; color: var(--soft); font-size: .925rem; }
.dot { width: .6rem; height: .6rem; border-radius: 50%; background: var(--field); flex: none; }
.dot.good { background: var(--good); }
.dot.bad { background: var(--bad); }
code, pre, .mono { font-family: ui-monospace, "SF Mono", SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .9em; }
.actions { display: flex; flex-wrap: wrap; align-items: center; gap: .75rem; margin-top: 1.5rem; }
.actions form { display: contents; }
.button {
  display: inline-flex; align-items: center; justify-content: center; min-height: 3rem; padding: .6rem 1.35rem;
  border: 1px solid transparent; border-radius: 12px; background: var(--accent); color: var(--on-accent);
  font: inherit; font-weight: 600; line-height: 1.3; text-align: center; text-decoration: none; cursor: pointer;
}
.button:hover { background: var(--accent-strong); color: var(--on-accent); }
.button.quiet { background: transparent; border-color: var(--field); color: var(--text); }
.button.quiet:hover { background: var(--tint); border-color: var(--accent); color: var(--text); }
.button.danger { background: transparent; border-color: var(--bad); color: var(--bad); }
.button.danger:hover { background: var(--bad); border-color: var(--bad); color: var(--on-bad); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
main:focus { outline: none; }
.user-bar { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .75rem 1.5rem; margin-bottom: clamp(1.5rem, 4vw, 2.5rem); padding: .6rem .6rem .6rem clamp(1.25rem, 4vw, 2rem); border: 1px solid var(--line); border-radius: 12px; background: var(--card); }
.user-bar p { margin: 0; font-weight: 550; }
.user-bar .buttons { display: flex; flex-wrap: wrap; gap: .5rem; }
.actions.column { display: grid; justify-content: start; }
.card code { overflow-wrap: anywhere; }
.button.small { min-height: 2.75rem; padding: .4rem 1rem; font-size: .95rem; }
.card { padding: clamp(1.25rem, 4vw, 2rem); border: 1px solid var(--line); border-radius: 12px; background: var(--card); box-shadow: var(--shadow); }
.stack { display: grid; gap: 1.25rem; margin-top: 2rem; }
.stack > .stack { margin-top: 0; }
.steps { display: grid; gap: 0; margin: 2.5rem 0 0; list-style: none; }
.steps li { position: relative; display: grid; grid-template-columns: 3rem 1fr; gap: 0 1rem; padding-bottom: 1.5rem; }
.steps li:last-child { padding-bottom: 0; }
.steps li:not(:last-child)::before { content: ""; position: absolute; left: 1.5rem; top: 3.4rem; bottom: .4rem; border-left: 2px dotted var(--field); }
.steps .icon { grid-row: span 2; width: 3rem; height: 3rem; padding: .7rem; border-radius: 12px; background: var(--tint); color: var(--accent); }
.steps li.done .icon { background: var(--accent); color: var(--on-accent); }
.steps h2 { font-size: 1.05rem; align-self: end; }
.steps p { margin: 0; color: var(--soft); font-size: .95rem; }
dl.facts { margin: 0; }
h2 + dl.facts { margin-top: 1rem; }
dl.facts > div { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .1rem 1.5rem; padding: .85rem 0; border-bottom: 1px solid var(--line); }
dl.facts > div:first-child { padding-top: 0; }
dl.facts > div:last-child { padding-bottom: 0; border-bottom: 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
dl.facts > .first dd { font-size: 1.6rem; line-height: 1.2; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
dl.facts > .first { display: block; }
dl.facts .soft { font-weight: 400; }
progress { display: block; width: 100%; margin-top: .6rem; height: .5rem; border: 0; border-radius: 99px; overflow: hidden; background: var(--tint); appearance: none; }
progress::-webkit-progress-bar { background: var(--tint); }
progress::-webkit-progress-value { background: var(--accent); border-radius: 99px; }
progress::-moz-progress-bar { background: var(--accent); border-radius: 99px; }
.events { display: grid; gap: .7rem; margin: 1rem 0 0; padding: 0; list-style: none; font-size: .925rem; overflow-wrap: anywhere; }
.events li { display: grid; grid-template-columns: 5.2rem 1fr; gap: .25rem .75rem; align-items: baseline; }
.events time { color: var(--soft); }
.events .times { color: var(--accent); }
.events .soft { display: block; text-wrap: pretty; }
.tries { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 11.5rem), 1fr)); gap: 1.25rem 1.5rem; margin-top: 1rem; }
.tries .button { padding-inline: .75rem; }
.action { display: grid; gap: .6rem; align-content: start; }
.connection { display: grid; gap: 1.25rem; }
#live { display: contents; }
.try { order: 1; }
.events-card { order: 2; }
.end { order: 3; display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 1rem 1.5rem; }
.told { margin-bottom: 2.5rem; }
.outcome { border-color: var(--good); border-inline-start-width: 4px; }
.outcome.failed { border-color: var(--bad); }
.none { margin: 1rem 0 0; }
pre.line { display: inline-block; max-width: 100%; margin: .5rem 0 0; background: var(--card); }
.steps + .user-bar { margin: 1.25rem 0 0; }
.outcome p:last-child { margin-bottom: 0; }
.figures { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: .75rem 0 1rem; padding: 0; list-style: none; color: var(--soft); }
.figures b { color: var(--text); font-size: 1.9rem; line-height: 1.1; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.figures.small b { font-size: 1.15rem; }
.journey { display: grid; gap: .6rem; margin: 1rem 0 0; padding-inline-start: 1.4rem; color: var(--soft); }
.journey ::marker { color: var(--accent); font-weight: 600; }
.fields { display: grid; gap: 1rem; margin-top: 1.25rem; }
.field label { display: block; margin-bottom: .35rem; font-weight: 550; font-size: .95rem; }
select {
  width: 100%; min-height: 3rem; padding: .6rem 2.6rem .6rem .9rem; border: 1px solid var(--field); border-radius: 12px;
  color: var(--text); font: inherit; line-height: 1.3; text-overflow: ellipsis; appearance: none; cursor: pointer;
  background: var(--card) url("/chevron.svg") no-repeat right 1rem center / .8rem;
}
select:hover { border-color: var(--accent); }
.verdict { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; margin: 0 0 .5rem; }
.verdict .status { color: var(--bad); font-size: 2rem; font-weight: 700; line-height: 1.1; letter-spacing: -.02em; }
.verdict .status.good { color: var(--good); }
pre { margin: 1rem 0 0; padding: 1rem; border: 1px solid var(--line); border-radius: 12px; background: var(--ground); line-height: 1.55; white-space: pre-wrap; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; text-align: start; }
th, td { padding: .7rem .75rem .7rem 0; border-bottom: 1px solid var(--line); text-align: start; vertical-align: top; }
th { font-weight: 600; }
thead th { padding-top: 0; color: var(--soft); font-weight: 500; font-size: .875rem; }
tbody tr:last-child > * { border-bottom: 0; padding-bottom: 0; }
td:last-child, th:last-child { padding-right: 0; }
td .soft { display: block; font-size: .925rem; }
@media (max-width: 39.99rem) {
  .actions > .button, .actions form > .button { width: 100%; }
  .actions.column { justify-content: stretch; }
  .user-bar { padding: .7rem .75rem .75rem; }
  .button.small { padding-inline: .7rem; font-size: .9rem; }
  table.folding thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table.folding, table.folding tbody { display: block; }
  table.folding tr { display: grid; gap: .15rem; padding: .9rem 0; border-bottom: 1px solid var(--line); }
  table.folding tr:first-child { padding-top: 0; }
  table.folding tr:last-child { border-bottom: 0; padding-bottom: 0; }
  table.folding tr > * { position: relative; display: block; padding: 0 0 0 6.25rem; border: 0; overflow-wrap: anywhere; }
  table.folding code { font-size: .84em; }
  pre.line { font-size: .8rem; }
  table.folding tbody tr > *::before { content: attr(data-label); position: absolute; left: 0; color: var(--soft); font: 400 .9rem/1.8 system-ui, sans-serif; }
  .end form, .end .button { width: 100%; }
}
@media (min-width: 52rem) {
  .steps { grid-template-columns: repeat(3, 1fr); gap: 2.5rem; }
  .steps li { display: block; padding: 0; }
  .steps .icon { margin-bottom: 1rem; }
  .steps li:not(:last-child)::before { left: 4rem; right: -1.5rem; top: 1.5rem; bottom: auto; border-left: 0; border-top: 2px dotted var(--field); }
  .connection { grid-template-columns: 1fr 1fr; }
  .try { order: -1; grid-column: 1 / -1; }
  .end { grid-column: 1 / -1; }
  .pair { grid-template-columns: 1fr 1fr; }
  .fields.three { grid-template-columns: repeat(3, 1fr); }
}
@media (forced-colors: active) { .button { border-color: currentColor; } .steps .icon { forced-color-adjust: none; } }
`;

/** Two links of a chain: the mark of the project. */
export const FAVICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">' +
  '<rect width="32" height="32" rx="9" fill="#4f46e5"/><g fill="none" stroke="#fff" stroke-width="2.6">' +
  '<circle cx="12.5" cy="16" r="5.5"/><circle cx="19.5" cy="16" r="5.5"/></g></svg>';

/** Arrow of the select fields: a middle grey that is seen on light and dark. */
export const CHEVRON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 12 8">' +
  '<path d="m1 1.5 5 5 5-5" fill="none" stroke="#7a7fa6" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></svg>';
