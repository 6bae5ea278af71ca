import { connectErrorFrom, type ConnectErrorCode } from '../../../src';
import type { Sandbox } from '../../../src/testing';
import { beginSignIn, browser } from '../../support/app';
import { EXPECTED, type Expected } from '../../support/expected';
import { connectedWorld, givenRotation, refreshingApp, twoProcesses, type Time } from '../../support/refreshing';

/** Every documented code at each place where it can come, as the visitor meets it. */

let sandbox: Sandbox;
let time: Time;
givenRotation((...given) => {
  [sandbox, time] = given;
  sandbox.set({ errorShape: 'errorObject' });
});

const JSON_ONLY = { accept: 'application/json' };

/** Of a visitor without a valid token: an outage is 503, whatever it is called (docs/errors.md). */
function atRefresh([status, code]: Expected): Expected {
  const isOurs = ['ERR_CONNECT_EXPIRED', 'ERR_CONNECT_CONFIG', 'ERR_CONNECT_RATE_LIMITED'].includes(code);
  return isOurs ? [status, code] : [503, 'ERR_CONNECT_UNAVAILABLE'];
}

const ROWS = EXPECTED.map(([apiCode, meaning, signIn, refresh, call]) => ({
  apiCode,
  meaning,
  places: { exchange: signIn, refresh: atRefresh(refresh), 'client(req)': call, connectErrorFrom: call },
}));
type Place = keyof (typeof ROWS)[number]['places'];

/** Lets the provider say the code at one place, and gives what our app answers. */
const ANSWERED: Readonly<
  Record<Place, (apiCode: number, statusByApiCode: Record<number, number>) => Promise<unknown>>
> = {
  async exchange(apiCode, statusByApiCode) {
    const { app } = await refreshingApp(sandbox, { options: { statusByApiCode } });
    const visitor = browser();
    const callback = await beginSignIn(app, sandbox, visitor);
    sandbox.force(apiCode, { on: 'exchange' });
    return told(await visitor.visit(callback, JSON_ONLY));
  },
  async refresh(apiCode, statusByApiCode) {
    const world = await connectedWorld(sandbox, { options: { statusByApiCode } });
    await world.expireIn(-1);
    sandbox.force(apiCode, { on: 'refresh' });
    return told(await world.fresh());
  },
  async 'client(req)'(apiCode, statusByApiCode) {
    const world = await connectedWorld(sandbox, {
      options: { statusByApiCode },
      routes: (app, connect) => {
        app.get('/me', (req, res, next) => {
          connect
            .client(req)
            .get('/me')
            .then(() => void res.json(null), next);
        });
      },
    });
    sandbox.force(apiCode, { on: 'api', times: 2 });
    return told(await world.visitor.visit(`${world.app.url}/me`, JSON_ONLY));
  },
  async connectErrorFrom(apiCode, statusByApiCode) {
    const world = await connectedWorld(sandbox, {
      routes: (app, connect) => {
        app.get('/me', (req, res, next) => {
          const call = async (): Promise<void> => {
            const { access_token } = await connect.getToken(req);
            const headers = { Authorization: `Bearer ${access_token}` };
            const answer = await fetch(`${sandbox.apiBaseUrl}/me`, { headers });
            const body: unknown = await answer.json();
            const error = connectErrorFrom(
              { status: answer.status, headers: answer.headers, body },
              { statusByApiCode },
            );
            if (error !== undefined) throw error;
            res.json(null);
          };
          call().catch(next);
        });
      },
    });
    sandbox.force(apiCode, { on: 'api' });
    return told(await world.visitor.visit(`${world.app.url}/me`, JSON_ONLY));
  },
};

function told({ status, body }: { readonly status: number; readonly body: string }): unknown {
  const problem = JSON.parse(body) as { code?: ConnectErrorCode; status?: number } | null;
  expect(problem?.status).toBe(status);
  return [status, problem?.code];
}

describe.each(ROWS)('$apiCode ($meaning)', ({ apiCode, places }) => {
  describe.each(Object.entries(places) as [Place, Expected][])('at %s', (place, [status, code]) => {
    test.each(['matching', 200] as const)(`with HTTP status %s is ${status} ${code}`, async (errorStatus) => {
      sandbox.set({ errorStatus });
      expect(await ANSWERED[place](apiCode, {})).toEqual([status, code]);
    });

    test('has the status that statusByApiCode gives it, and no other has', async () => {
      const other = EXPECTED.find(([one]) => one !== apiCode)?.[0] ?? 0;
      expect(await ANSWERED[place](apiCode, { [apiCode]: 418, [other]: 419 })).toEqual([418, code]);
    });
  });
});

test('the table has a row for each of the seventeen', () => expect(ROWS).toHaveLength(17));

describe('statusByApiCode at a refresh', () => {
  test.each([2039, 2036, 429, 500])(
    '%i: other processes, later requests and the event tell the same',
    async (apiCode) => {
      const [first, second] = await twoProcesses(sandbox, { options: { statusByApiCode: { [apiCode]: 418 } } });
      await first.expireIn(-1);
      sandbox.force(apiCode, { on: 'refresh' });
      const [one, again, other] = [await first.fresh(), await first.fresh(), await second.fresh()];
      expect({ statuses: [one, again, other].map(({ status }) => status), calls: sandbox.calls.refresh }).toEqual({
        statuses: [418, 418, 418],
        calls: 1,
      });
      expect(first.told('refresh_failed')).toMatchObject([{ status: 418, apiCode }]);
    },
  );

  test('a connection that has ended by it has the reason that it always has', async () => {
    const world = await connectedWorld(sandbox, { options: { statusByApiCode: { 2039: 418 } } });
    await world.expireIn(-1);
    sandbox.force(2039, { on: 'refresh', times: 8 });
    for (let tries = 0; tries < 8; tries += 1) {
      await world.fresh();
      time.pass(4 * 3_600_000);
    }
    expect(world.told('ended')).toMatchObject([{ reason: 'refused' }]);
    expect(JSON.parse((await world.fresh()).body)).toMatchObject({ status: 401, code: 'ERR_CONNECT_REQUIRED' });
  });
});
