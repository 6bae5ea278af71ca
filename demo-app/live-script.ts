/**
 * The demo's one script: counts the seconds down, and asks for the state of the connection every two seconds, as a
 * visitor who clicks around would. The page tells the same without it, as of the moment when it was made.
 */
export const LIVE_SCRIPT = `'use strict';
const live = document.getElementById('live');
const ASK_EVERY_MS = 2000;
let endsAt = 0;
let asking = false;

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

async function ask() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch('/connected/live');
    if (answer.status === 401) location.assign('/');
    if (answer.ok) {
      live.innerHTML = await answer.text();
      readEnd();
    }
  } catch {
    // The demo is away for the moment; the next question comes soon.
  } finally {
    asking = false;
  }
}

if (live !== null) {
  readEnd();
  setInterval(count, 250);
  setInterval(ask, ASK_EVERY_MS);
}
`;
