// Users of the app beside the visitors: each on several devices, and in the loops of processes that serve no browser.
import { setTimeout as sleep } from 'node:timers/promises';
import { send } from './http.mjs';
import { stillConnected, visitor } from './visitor.mjs';

const DEVICES = 2;

/**
 * One user, connected on one device and logged in on all of them. For a user nobody ever disconnects, each 401 is a
 * connection that was lost: the provider knows nothing of its end.
 * @param jobs - the processes that act for the user by `connect.of(user)`
 */
export function appUser({ user, fleet, jobs, provider, random, stopped }) {
  const devices = Array.from({ length: DEVICES }, () => visitor({ fleet, provider, random, stopped, user }));
  const tally = { jobs: 0, lost: 0, unavailable: 0, failed: 0, words: [] };

  const act = (refused) => send(`${jobs.url(random())}/of?user=${user}&refused=${refused}`);

  async function work() {
    while (!stopped()) {
      const { status, body } = await act('').catch(() => ({ status: 0 }));
      tally.jobs += 1;
      if (status === 401) {
        tally.lost += 1;
        tally.words.push(body);
      } else if (status === 503) tally.unavailable += 1;
      else if (status !== 200 && status !== 0) tally.failed += 1;
      await sleep(50 + 200 * random());
    }
  }

  return {
    devices,
    tally,
    async begin() {
      const [first, ...others] = devices;
      await first.signIn();
      await Promise.all(others.map(({ logIn }) => logIn()));
    },
    visit: () => Promise.all([...devices.map(({ visit }) => visit()), work(), work()]),
    check: () => Promise.all([...devices.map(({ check }) => check()), stillConnected(act, provider)]),
  };
}
