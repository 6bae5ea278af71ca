import crypto from 'node:crypto';
import { sha256 } from '../../../src/base/sha256';
import { callbackFlights } from '../../../src/sign-in/callback-flights';

const visitor = { sessionId: 'session', isOwn: true, isNew: false, verified: undefined, former: ['cookie'] };

/** How many hashes are made while one more callback comes beside others of its state; one is made for sure. */
async function hashesBeside(others: number): Promise<number> {
  const flights = callbackFlights();
  let refuse = (): void => undefined;
  const refused = new Promise<never>((_resolve, reject) => {
    refuse = () => reject(new Error('refused'));
  });
  const running = Array.from({ length: others }, (_, index) =>
    flights.share(visitor, { state: 'state', code: `code ${index}` }, () => refused),
  );
  const hashes = jest.spyOn(crypto, 'hash');
  sha256('one that is counted');
  running.push(flights.share(visitor, { state: 'state', code: 'another' }, () => refused));
  const count = hashes.mock.calls.length;
  hashes.mockRestore();
  refuse();
  await Promise.allSettled(running);
  return count;
}

// Anybody can open thousands of callbacks of one state: to compare them all must not cost a hash each.
test('a callback hashes nothing to find its own among five hundred others of its state', async () => {
  expect(await hashesBeside(500)).toBe(1);
});
