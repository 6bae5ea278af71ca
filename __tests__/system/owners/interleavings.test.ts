import { setTimeout as pause } from 'node:timers/promises';
import type { ConnectionStore } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import type { Time } from '../../support/refreshing';
import { givenUsers, userApp, type Shared } from '../../support/users';

let sandbox: Sandbox;
let time: Time;
let shared: Shared;
givenUsers((...given) => {
  [sandbox, time, shared] = given;
});

describe('sign-ins, disconnects and jobs of one user in any order, in two processes', () => {
  test.each([1, 2, 3, 4, 5, 6])('leave what the record says: seed %i', async (seed) => {
    let state = seed * 7919;
    const random = (): number => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
    const { connections } = shared;
    const jitter = (): Promise<void> => pause(Math.floor(random() * 12));
    const slow: ConnectionStore = {
      encryptionKeys: connections.encryptionKeys,
      load: async (key) => {
        const found = await connections.load(key);
        await jitter();
        return found;
      },
      save: async (key, record, ifVersion) => {
        await jitter();
        return connections.save(key, record, ifVersion);
      },
      remove: async (key, ifVersion) => {
        await jitter();
        return connections.remove(key, ifVersion);
      },
    };
    const options = { connections: slow };
    const [one, two] = [await userApp(sandbox, shared, { options }), await userApp(sandbox, shared, { options })];
    const [phone, laptop] = [await one.device('ada'), await two.device('ada')];
    for (let round = 0; round < 4; round += 1) {
      const work: (() => Promise<unknown>)[] = [
        () => phone.connect().catch(() => undefined),
        () => laptop.connect().catch(() => undefined),
        () =>
          random() < 0.5
            ? phone.disconnect()
            : two.connect
                .of('ada')
                .disconnect()
                .catch(() => undefined),
        () =>
          one.connect
            .of('ada')
            .getToken()
            .catch(() => undefined),
        () => laptop.fresh(),
      ];
      await Promise.all(
        work.map(async (run) => {
          await pause(Math.floor(random() * 60));
          await run();
        }),
      );
      await pause(50);
      time.pass(61_000);
      const status = await two.connect.of('ada').status();
      // Cookies of two tabs race, as they do with any new session id: a browser may have lost its login.
      await Promise.all([phone.logIn('ada'), laptop.logIn('ada')]);
      const answers = [await phone.guarded(), await laptop.guarded()];
      expect(answers.map((answer) => answer.status)).toEqual(status.connected ? [200, 200] : [401, 401]);
      time.pass(3_600_000);
      const later = await two.connect
        .of('ada')
        .getToken()
        .then(
          () => true,
          () => false,
        );
      expect(later).toBe(status.connected);
    }
  });
});
