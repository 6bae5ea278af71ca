/**
 * The demo's one script: counts the seconds down, and asks for the state of the connection every two seconds, as a
 * visitor who clicks around would. The page tells the same without it, as of the moment when it was made.
 */
export const LIVE_SCRIPT = `'use strict';
const live = document.getElementById('live');
const ASK_EVERY_MS = 2000;
let endsAt = 0;
let asking = false;
let leaving = false;

function readEnd() {
  const left = live.querySelector('[data-seconds]');
  endsAt = left === null ? 0 : performance.now() + Number(left.dataset.seconds) * 1000;
}

function count() {
  const left = live.querySelector('[data-seconds]');
  if (left === null) return;
  const seconds = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
  if (seconds < 90) left.textContent = seconds + (seconds === 1 ? ' second' : ' seconds');
  const bar = live.querySelector('progress');
  if (bar !== null) bar.value = Math.min(seconds, bar.max);
}

// The button kills the process that has answered last.
function nameWorker() {
  const worker = live.querySelector('[data-worker]');
  const button = document.getElementById('kill');
  if (worker === null || button === null) return;
  button.value = worker.dataset.worker;
  button.textContent = 'Kill worker ' + worker.dataset.worker;
}

async function ask() {
  if (asking || leaving || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch('/connected/live');
    if (answer.status === 401) location.assign('/');
    const text = await answer.text();
    if (answer.ok && !leaving) {
      live.innerHTML = text;
      readEnd();
      nameWorker();
    }
  } catch {
    // The demo is away for the moment; the next question comes soon.
  } finally {
    asking = false;
  }
}

if (live !== null) {
  readEnd();
  // An answer to this page must not come between a form and what it leads to.
  addEventListener('submit', () => { leaving = true; });
  addEventListener('pageshow', () => { leaving = false; });
  setInterval(count, 250);
  setInterval(ask, ASK_EVERY_MS);
}
`;
