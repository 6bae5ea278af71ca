import type { Sandbox } from '../../../src/testing';
import { tokenIn } from '../../support/refreshing';
import { givenUsers, script, userApp, type Shared, type UserApp } from '../../support/users';

let sandbox: Sandbox;
let shared: Shared;
givenUsers((...given) => {
  [sandbox, , shared] = given;
});

describe('a plain reader', () => {
  const readers = (): Promise<UserApp> =>
    userApp(sandbox, shared, {
      routes(app, connect) {
        app.get('/switch', (req, res) => {
          (req.session as { userId?: string }).userId = 'eve';
          res.json(req.session.connectToken ?? null);
        });
        app.get(
          '/back',
          (req, _res, next) => {
            (req.session as { userId?: string }).userId = 'ada';
            next();
          },
          connect.requireConnect(),
          (req, res) => void res.json(req.session.connectToken ?? null),
        );
      },
    });

  test('who logs in as somebody else in this very request sees nothing of the user before', async () => {
    const web = await readers();
    const shop = await web.device('ada');
    await shop.connect();
    expect((await shop.browser.visit(`${web.app.url}/switch`, script)).body).toBe('null');
  });

  test('behind the guard finds the token of the user who has logged in in this very request', async () => {
    const web = await readers();
    const shop = await web.device('ada');
    await shop.connect();
    const { access_token } = tokenIn(await shop.fresh());
    await shop.logOut();
    const answer = await shop.browser.visit(`${web.app.url}/back`, script);
    expect([answer.status, (JSON.parse(answer.body) as { access_token?: string } | null)?.access_token]).toEqual([
      200,
      access_token,
    ]);
  });
});
