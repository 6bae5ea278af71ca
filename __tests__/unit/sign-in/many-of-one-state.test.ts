import { signInFlights } from '../../../src/login/flights';

/** Milliseconds of CPU that as many callbacks at once cost, none of which is answered before all have come. */
async function costOf(callbacks: number, stateOf: (index: number) => string): Promise<number> {
  const flights = signInFlights();
  const visitor = { sessionId: 'session', isOwn: true, verified: undefined, former: [] };
  let refuse = (): void => undefined;
  const refused = new Promise<never>((_resolve, reject) => {
    refuse = () => reject(new Error('refused'));
  });
  const started = process.cpuUsage();
  const running = Array.from({ length: callbacks }, (_, index) => {
    const answer = { state: stateOf(index), code: `code ${index}` };
    return flights.find(visitor, answer) ?? flights.start(visitor, answer, () => refused);
  });
  refuse();
  await Promise.allSettled(running);
  return process.cpuUsage(started).user / 1000;
}

test('five thousand callbacks of one state, each with another code, cost like as many of different states', async () => {
  const apart = await costOf(5000, (index) => `state ${index}`);
  const together = await costOf(5000, () => 'state');
  expect(together).toBeLessThan(1000 + 3 * apart);
});
