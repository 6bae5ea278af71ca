import { MemoryStore } from 'express-session';
import { markOf, storedSignIns } from '../../../src/sign-in/pending-sign-ins';
import { recentSignIns, type RecentSignIns } from '../../../src/sign-in/recent-sign-ins';

const TTL_MS = 600_000;
const store = new MemoryStore();
const signIns = storedSignIns({ pending: [], spent: [markOf('a hash', Date.now())] });

const made = (): RecentSignIns => recentSignIns({ pendingKey: 'connectPending', pendingTtlMs: TTL_MS });
/** An older copy of a session, which a request of this process saves. */
const copy = (id: string) => ({ req: { sessionStore: store }, id });

test('the sign-ins of 5,000 sessions are remembered, the oldest being given up first', () => {
  const recent = made();
  for (let number = 0; number <= 5000; number += 1) recent.note(`session ${number}`, signIns);
  const kept = [0, 1, 5000].map((number) => Object.keys(recent.kept(copy(`session ${number}`)) ?? {}));
  expect(kept).toEqual([[], ['connectPending'], ['connectPending']]);
});

test('nothing is kept for what is not a session of a request', () => {
  const recent = made();
  recent.note('session', signIns);
  for (const none of [{ id: 'session' }, { ...copy('session'), id: 7 }, {}]) expect(recent.kept(none)).toBeUndefined();
});

test('sign-ins that are over are not kept', () => {
  const recent = made();
  recent.note('session', signIns);
  const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + TTL_MS + 1);
  expect(recent.kept(copy('session'))).toBeUndefined();
  now.mockRestore();
});

test('nothing is to be replaced in the session that holds them, and nothing is kept of one that is forgotten', () => {
  const recent = made();
  recent.note('session', signIns);
  for (const same of [signIns, structuredClone(signIns)])
    expect(recent.kept({ ...copy('session'), connectPending: same })).toBeUndefined();
  const older = { ...signIns, s: [] };
  expect(recent.kept({ ...copy('session'), connectPending: older })).toEqual({ connectPending: signIns });
  recent.forget('session');
  expect(recent.kept(copy('session'))).toBeUndefined();
});
