import type { Request } from 'express';
import { Cookie, MemoryStore } from 'express-session';
import { hasEnded, hasGone, mayHaveGone, noteSeen, watchSession } from '../../../src/session/gone-sessions';

/** As much of a request as express-session gives to a store. */
function requestIn(store: MemoryStore, sessionID: string): Request {
  // `generate` is set by express-session when it is mounted.
  Object.assign(store, { generate: () => undefined });
  return Object.assign(Object.create(null) as Request, { sessionStore: store, sessionID });
}

const destroy = (store: MemoryStore, id: string): Promise<void> =>
  new Promise((resolve) => store.destroy(id, () => resolve()));
const regenerate = (store: MemoryStore, req: Request): Promise<void> =>
  new Promise((resolve) => store.regenerate(req, () => resolve()));

test('a session ends for all who watch it, and for nobody else', async () => {
  const store = new MemoryStore();
  const [one, two, other] = ['a', 'a', 'b'].map((id) => watchSession(requestIn(store, id)));
  const elsewhere = watchSession(requestIn(new MemoryStore(), 'a'));
  await destroy(store, 'a');
  expect([one, two, other, elsewhere].map((watch) => watch?.ends())).toEqual([1, 1, 0, 0]);
});

test('a session that its own request regenerates has ended once, and twice if another request destroys it as well', async () => {
  const store = new MemoryStore();
  const req = requestIn(store, 'a');
  const own = watchSession(req);
  await regenerate(store, req);
  expect(own.ends()).toBe(1);
  await destroy(store, 'a');
  expect(own.ends()).toBe(2);
});

test('nothing is noticed after the watch has stopped, and stopping one does not stop another', async () => {
  const store = new MemoryStore();
  const [one, two] = [watchSession(requestIn(store, 'a')), watchSession(requestIn(store, 'a'))];
  one.stop();
  one.stop();
  await destroy(store, 'a');
  expect([one.ends(), two.ends()]).toEqual([0, 1]);
  two.stop();
  const three = watchSession(requestIn(store, 'a'));
  two.stop();
  await destroy(store, 'a');
  expect(three.ends()).toBe(1);
});

test('the store works as before', async () => {
  const store = new MemoryStore();
  watchSession(requestIn(store, 'a'));
  await new Promise<void>((resolve) => store.set('a', { cookie: new Cookie() }, () => resolve()));
  await destroy(store, 'a');
  expect(await new Promise((resolve) => store.get('a', (_error, found) => resolve(found)))).toBeUndefined();
});

test('20,000 ended sessions are remembered, the oldest being given up first', async () => {
  const store = new MemoryStore();
  watchSession(requestIn(store, 'any'));
  for (let number = 0; number <= 20_000; number += 1) await destroy(store, `session ${number}`);
  expect([0, 1, 20_000].map((number) => hasEnded(store, `session ${number}`))).toEqual([false, true, true]);
});

test('of a session that was seen before ends that are forgotten nobody can say whether it is one of them', async () => {
  const store = new MemoryStore();
  watchSession(requestIn(store, 'any'));
  const [before, after] = [{ id: 'a' }, { id: 'b' }];
  noteSeen(before);
  const seen = () => [before, after].map((session) => [hasGone(store, session), mayHaveGone(store, session)]);
  for (let number = 0; number < 20_000; number += 1) await destroy(store, `session ${number}`);
  expect(seen()).toEqual([
    [false, false],
    [false, false],
  ]);
  await destroy(store, 'one more');
  noteSeen(after);
  expect(seen()).toEqual([
    [false, true],
    [false, false],
  ]);
  await destroy(store, 'b');
  expect(seen()[1]).toEqual([true, true]);
});

test('an id of any length is known again', async () => {
  const store = new MemoryStore();
  watchSession(requestIn(store, 'any'));
  const [one, other] = [`${'a'.repeat(10_000)}1`, `${'a'.repeat(10_000)}2`];
  await destroy(store, one);
  expect([hasEnded(store, one), hasEnded(store, other)]).toEqual([true, false]);
});
