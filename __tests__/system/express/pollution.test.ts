import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Sandbox } from '../../../src/testing';
import { browser, type Answer } from '../../support/app';
import { cleanup } from '../../support/cleanup';
import type { Order } from '../../support/polluted-app';
import { startSandbox } from '../../support/sandbox';

/** What an object of ours may lack, by who reads it: only its own members may count. */
const NAMES: readonly string[] = [
  // Options of calls: getToken, the guard, ledgers, parts of ours.
  ...['rank', 'ranks', 'newest', 'oldest', 'next', 'signIns', 'result', 'by', 'stored', 'isSaved'],
  ...['refused', 'onMissing', 'loginUrl', 'render', 'maxRecords', 'now', 'prefix', 'commandTimeoutMs'],
  ...['leaseMs', 'waitMaxMs', 'onWon', 'onAnswer', 'beforeSpent', 'mayRepeat'],
  // Moving a session.
  ...['changes', 'fill', 'beforeOldEnds', 'afterOldEnds', 'regenerated', 'replaced'],
  // What a session holds: sign-ins in progress, marks, tokens, labels.
  ...['p', 's', 'h', 'r', 'v', 'l', 'at', 'access_token', 'refresh_token', 'expires_at', 'scope', 'connection'],
  // Not the session's own properties: express-session does not load what it finds on the prototype already.
  ...['lifetimeSeconds', 'ownerTag'],
  // A refresh, its record and its outcome.
  ...['how', 'storedBefore', 'record', 'box', 'claimant', 'refusedAt', 'joined', 'won', 'word', 'ambiguous'],
  // Errors.
  ...['reason', 'provider', 'apiCode', 'oauthError', 'retryAfterSeconds', 'reference', 'instance'],
  // Calls to the provider.
  ...['onAnswer', 'onCall', 'startedMs', 'durationMs', 'providerStatus'],
];
/** Headers that decide something. A request that sends one gets it from Node joined with that of the prototype. */
const HEADERS: readonly string[] = [
  ...['sec-fetch-site', 'sec-fetch-mode', 'sec-fetch-dest', 'sec-purpose', 'purpose', 'x-moz', 'next-router-prefetch'],
  ...['accept', 'origin', 'referer', 'x-requested-with'],
];
const HEADER_VALUES: readonly string[] = ['same-origin', 'cross-site', 'navigate', 'image', 'prefetch', 'text/html'];
/** What a stranger may write in place of a member; `function` stands for a function. */
const VALUES: readonly unknown[] = ['evil', 1, 'function', { status: 200, apiCode: 1 }];
const HOUR_MS = 3_600_000;
// A quarter of a minute on a quiet machine; each journey that hangs takes its time besides.

const SCRIPT = {};
const PAGE = { accept: 'text/html' };

let sandbox: Sandbox;
let child: ChildProcess;
let aheadMs: number;
let url: string;
beforeEach(async () => {
  aheadMs = 0;
  sandbox = await startSandbox({ switches: { refresh: 'rotate' }, now: () => Date.now() + aheadMs });
  const script = path.join(__dirname, '../../support/polluted-app.ts');
  child = fork(path.join(__dirname, '../../support/typescript-process.cjs'), [script], {
    execArgv: [],
    env: {
      PATH: process.env['PATH'],
      GIVEN: JSON.stringify(sandbox.connectOptions),
      EXPRESS: /express4/u.test(require.resolve('express')) ? 'express4' : 'express',
    },
  });
  cleanup(() => void child.kill('SIGKILL'));
  [url] = (await once(child, 'message')) as [string];
});

async function tell(order: Omit<Order, 'aheadMs'>): Promise<string> {
  const ended = new AbortController();
  const heard = Promise.race([
    once(child, 'message', ended),
    once(child, 'exit', ended).then(([code]) => [`ended with ${code}`]),
  ]);
  child.send({ ...order, aheadMs });
  const [answer] = (await heard.finally(() => ended.abort())) as [string];
  return answer;
}

/** What is random or passes, by its place. */
function steady(text: string): string {
  return text
    .replaceAll(/eyJ[\w-]+\.[\w-]+\.[\w-]+/gu, 'TOKEN')
    .replaceAll(/(?:state|code_challenge|code)=[\w-]+/gu, 'RANDOM')
    .replaceAll(/"connection":"[\w-]{16,22}/gu, '"connection":"ID')
    .replaceAll(
      /"reference":"[2-9A-HJ-NP-Z]{8}"|:failure:[2-9A-HJ-NP-Z]{8}"|Reference [2-9A-HJ-NP-Z]{8}</gu,
      'REFERENCE',
    )
    .replaceAll(/"(?:time|expires_at|durationMs)":\d+/gu, 'TIME');
}

/** All that a visitor and the app see of one journey, from the sign-in to the disconnect. */
async function journey(pollution: Pick<Order, 'name' | 'value'>): Promise<readonly string[]> {
  sandbox.reset();
  const answer = await tell({ ...pollution, afresh: true });
  if (answer !== 'done') return [answer];
  const visitor = browser();
  const seen: string[] = [];
  const note = ({ status, headers, body, location }: Answer): void =>
    void seen.push(steady([status, location, headers['retry-after'] ?? '', headers['cache-control'], body].join(' ')));
  const see = async (path: string, headers: Record<string, string> = SCRIPT, method = 'GET'): Promise<Answer> => {
    const answer = await visitor.visit(url + path, headers, method);
    note(answer);
    return answer;
  };
  const pass = async (ms: number): Promise<void> => {
    aheadMs += ms;
    await tell({ ...pollution, afresh: false });
  };
  await see('/ledgers');
  await see('/guarded');
  await see('/guarded', PAGE);
  await see('/fresh');
  const started = await see('/connect/authorize', PAGE);
  if (started.status !== 302) return seen;
  const callback = await sandbox.allow(started.location);
  note(await visitor.visit(callback, PAGE));
  note(await visitor.visit(callback, SCRIPT));
  note(await visitor.visit(callback.replace(/state=/u, 'state=x'), SCRIPT));
  await see('/token');
  await see('/fresh');
  await pass(HOUR_MS);
  await see('/fresh');
  await see('/guarded');
  await pass(10_000);
  await see('/refused');
  await pass(HOUR_MS);
  // However often: on a busy machine an answer may get lost, and then the request is sent once more.
  sandbox.force(503, { on: 'refresh', times: Infinity });
  await see('/fresh');
  await see('/guarded', PAGE);
  const again = await see('/connect/authorize', PAGE);
  if (again.status !== 302) return seen;
  sandbox.force(503);
  const failing = await sandbox.allow(again.location);
  note(await visitor.visit(failing, SCRIPT));
  note(await visitor.visit(failing, SCRIPT));
  await see('/connect/disconnect', SCRIPT, 'POST');
  const ownSite = pollution.name === 'sec-fetch-site' ? { origin: url } : { 'sec-fetch-site': 'same-origin' };
  await see('/connect/disconnect', ownSite, 'POST');
  await see('/token');
  await see('/events');
  seen.push(`${sandbox.calls.exchange} exchanges, ${sandbox.calls.refresh} refreshes`);
  return seen;
}

/** A journey takes a tenth of a second. */
function hangs(): Promise<readonly string[]> {
  return new Promise((resolve) => setTimeout(() => resolve(['hangs']), 120_000).unref());
}

test('no name on a polluted Object.prototype changes a journey', async () => {
  const clean = await journey({});
  expect(clean.at(-1)).toBe('2 exchanges, 2 refreshes');
  expect(await journey({})).toEqual(clean);
  const changes: unknown[] = [];
  for (const [names, values] of [
    [NAMES, VALUES],
    [HEADERS, HEADER_VALUES],
  ] as const) {
    for (const name of names) {
      for (const value of values) {
        const seen = await Promise.race([journey({ name, value }), hangs()]);
        const changed = seen.find((text, index) => text !== clean[index]);
        if (changed !== undefined) changes.push([name, value, changed]);
        else expect(seen.length).toBe(clean.length);
      }
    }
  }
  expect(changes).toEqual([]);
});
