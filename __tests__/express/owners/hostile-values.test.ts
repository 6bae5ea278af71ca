import type { Request } from 'express';
import type { Sandbox } from '../../../src/testing';
import { tokenIn, type Time } from '../../support/refreshing';
import { turns } from '../../support/turns';
import { givenUsers, said, script, startOn, userApp, userOf, type Shared } from '../../support/users';

let sandbox: Sandbox;
let time: Time;
let shared: Shared;
givenUsers((...given) => {
  [sandbox, time, shared] = given;
});

const polluted = Object.prototype as unknown as Record<string, unknown>;
async function withPollution<T>(name: string, value: unknown, run: () => Promise<T>): Promise<T> {
  Object.defineProperty(polluted, name, { value, configurable: true, writable: true, enumerable: false });
  try {
    return await run();
  } finally {
    Reflect.deleteProperty(polluted, name);
  }
}

describe('a polluted Object.prototype', () => {
  test('removes no record', async () => {
    const web = await userApp(sandbox, shared);
    await (await web.device('ada')).connect();
    await withPollution('record', 'none', () => web.connect.of('ada').import({ access_token: 'a' }));
    await expect(web.connect.of('ada').status()).resolves.toMatchObject({ connected: true });
  });

  test("makes nobody's token no user's, nor hides it", async () => {
    const web = await userApp(sandbox, shared);
    const eve = await web.device('eve');
    await eve.connect();
    const tag = tokenIn(await eve.fresh())
      .connection.split('.')
      .at(-1);
    const visitor = await web.device();
    const callback = await startOn(sandbox, web, visitor);
    await withPollution('ownerTag', tag, () => visitor.browser.visit(callback, script));
    expect((await visitor.fresh()).status).toBe(200);
    await visitor.logIn('eve');
    const { connection } = tokenIn(await visitor.fresh());
    expect(connection).toBe(tokenIn(await eve.fresh()).connection);
  });
});

test.each([
  ['status', 200],
  ['reference', 'CANARY'],
])('a polluted Object.prototype.%s does not change the answer for an ended connection', async (name, value) => {
  const web = await userApp(sandbox, shared);
  const phone = await web.device('ada');
  await phone.connect();
  sandbox.revoke(tokenIn(await phone.fresh()).access_token);
  time.pass(3_600_000);
  await phone.fresh();
  const sound = await web.connect
    .of('ada')
    .getToken()
    .catch((error: unknown) => error);
  const spoiled = await withPollution(name, value, () =>
    web.connect
      .of('ada')
      .getToken()
      .catch((error: unknown) => error),
  );
  expect(sound).toMatchObject({ code: 'ERR_CONNECT_EXPIRED', status: 401 });
  expect(spoiled).toMatchObject({ code: 'ERR_CONNECT_EXPIRED', status: 401 });
  expect((spoiled as { reference: unknown }).reference).not.toBe('CANARY');
});

describe('an owner function that returns', () => {
  test('what throws when it is looked at: a clear 500 without its words', async () => {
    const trap = Object.defineProperty({}, 'then', {
      get() {
        throw new Error('CANARY-secret');
      },
    });
    let isFaulty = false;
    const web = await userApp(sandbox, shared, {
      options: { owner: (req: Request) => (isFaulty ? (trap as unknown as string) : userOf(req)) },
    });
    const device = await web.device('ada');
    isFaulty = true;
    const answer = await device.guarded();
    expect(answer.body).not.toContain('CANARY');
    expect(said(answer).slice(0, 2)).toEqual([500, 'ERR_CONNECT_OPTIONS']);
  });

  test('a promise that rejects: a clear 500, and no unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      let isFaulty = false;
      const web = await userApp(sandbox, shared, {
        options: {
          owner: (req: Request) =>
            isFaulty ? (Promise.reject(new Error('no such user')) as unknown as string) : userOf(req),
        },
      });
      const device = await web.device('ada');
      isFaulty = true;
      expect((await device.guarded()).status).toBe(500);
      await turns(5);
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).toEqual([]);
  });
});
