import type { Request } from 'express';
import type { Sandbox } from '../../../src/testing';
import { tokenIn, type Time } from '../../support/refreshing';
import { givenUsers, script, userApp, type Shared } from '../../support/users';

let sandbox: Sandbox;
let time: Time;
let shared: Shared;
givenUsers((...given) => {
  [sandbox, time, shared] = given;
});

const keys = [{ id: 'k1', secret: 'a secret of key k1, long enough for anybody' }];
describe.each([
  ['plain', {}, {}],
  ['plain, with resave and rolling', {}, { resave: true, rolling: true }],
  ['sealed', { encryptionKeys: keys }, {}],
  ['sealed, with resave and rolling', { encryptionKeys: keys }, { resave: true, rolling: true }],
])('in a session that is %s', (_how, options, session) => {
  test('a user switch and back shows each user their own, and keeps nothing of theirs for the other', async () => {
    const web = await userApp(sandbox, shared, { options, session });
    const shop = await web.device('ada');
    await shop.connect();
    const ada = tokenIn(await shop.fresh()).access_token;
    await shop.logIn('eve');
    for (const path of [shop.plain, shop.guarded, shop.plain, shop.fresh, shop.me]) {
      expect((await path()).body).not.toContain(ada);
    }
    await shop.connect();
    const eve = tokenIn(await shop.fresh()).access_token;
    expect(eve).not.toBe(ada);
    await shop.logIn('ada');
    expect((await shop.plain()).body).toBe('null');
    expect(tokenIn(await shop.guarded()).access_token).toBe(ada);
    expect(tokenIn(await shop.plain()).access_token).toBe(ada);
    time.pass(3_600_000);
    const refreshed = tokenIn(await shop.fresh()).access_token;
    await shop.logIn('eve');
    expect((await shop.plain()).body).toBe('null');
    expect([ada, eve, refreshed]).not.toContain(tokenIn(await shop.fresh()).access_token);
  });

  test("a sign-in whose onConnect logs in with a new session id is that user's", async () => {
    const web = await userApp(sandbox, shared, {
      options: {
        ...options,
        onConnect: (req) =>
          new Promise<void>((resolve, reject) => {
            req.session.regenerate((error) => {
              (req.session as { userId?: string }).userId = 'new';
              if (error == null) resolve();
              else reject(new Error('store'));
            });
          }),
      },
      session,
    });
    const device = await web.device();
    expect((await device.connect()).status).toBe(302);
    expect((await device.guarded()).status).toBe(200);
    await expect(web.connect.of('new').status()).resolves.toMatchObject({ connected: true });
  });
});

test('two users at once in one session get their own tokens only', async () => {
  const web = await userApp(sandbox, shared, {
    options: { owner: (req: Request) => req.get('x-user') },
    session: { resave: true, rolling: true },
  });
  const own: Record<string, string> = {};
  for (const user of ['ada', 'eve']) {
    const visitor = await web.device('somebody');
    const headers = { accept: 'text/html', 'x-user': user };
    const started = await visitor.browser.visit(`${web.app.url}/connect/authorize`, headers);
    expect((await visitor.browser.visit(await sandbox.allow(started.location), headers)).status).toBe(302);
    own[user] = (await web.connect.of(user).getToken()).access_token;
  }
  const { browser } = await web.device('somebody');
  const ask = async (user: string, path: string): Promise<void> => {
    const { status, body } = await browser.visit(web.app.url + path, { ...script, 'x-user': user });
    const found = JSON.parse(body) as { access_token?: string } | null;
    if (path === '/token') expect([undefined, own[user]]).toContain(found?.access_token);
    else expect([status, found?.access_token]).toEqual([200, own[user]]);
  };
  for (let round = 0; round < 8; round += 1) {
    await Promise.all(
      ['ada', 'eve'].flatMap((user) => ['/token', '/fresh', '/guarded'].map((path) => ask(user, path))),
    );
  }
});

test('the connection of nobody makes room for that of the user who logs in, and the app is told', async () => {
  const web = await userApp(sandbox, shared);
  await (await web.device('ada')).connect();
  const shop = await web.device();
  await shop.connect();
  expect((await shop.guarded()).status).toBe(200);
  await shop.logIn('ada');
  expect((await shop.guarded()).status).toBe(200);
  await shop.logOut();
  expect((await shop.guarded()).status).toBe(401);
  expect(web.told('ended')).toEqual([expect.objectContaining({ reason: 'replaced' })]);
  expect(web.told('ended')[0]).not.toHaveProperty('owner');
});
