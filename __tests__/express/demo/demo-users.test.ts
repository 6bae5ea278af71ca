import { createServer } from 'node:http';
import { memoryConnections, memoryLedger, type ConnectionStore } from 'express-connect-auth';
import { createDemo } from '../../../demo-app/app';
import { moment } from '../../../demo-app/words';
import { browser, type Answer, type Browser } from '../../support/app';
import { sendForm, textOf } from '../../support/demo-forms';
import { startDemoSite, type DemoSite } from '../../support/demo-site';
import { serve } from '../../support/serve';

/** Time of day, as the demo writes it. */
const CLOCK = String.raw`\d\d:\d\d:\d\d`;
const TOKEN = /eyJ|[\w-]{20,}\.[\w-]{20,}/;
const HOME_OF_NOBODY = 'Connect your account, and see everything that can go wrong';

let site: DemoSite;
let visitor: Browser;

beforeEach(async () => {
  site = await startDemoSite();
  visitor = browser();
});

function look(path = '/users', who = visitor): Promise<Answer> {
  return who.visit(site.address + path);
}

function press(path: string, fields: Readonly<Record<string, string>> = {}, who = visitor): Promise<Answer> {
  return sendForm(who, site.address, path, fields);
}

async function logIn(user: string, who = visitor): Promise<void> {
  const answer = await press('/users/login', { user }, who);
  expect([answer.status, answer.location]).toEqual([303, '/users']);
}

async function connect(who = visitor): Promise<void> {
  const started = await who.visit(`${site.address}/connect/authorize`);
  await who.visit(await site.sandbox.allow(started.location));
}

/** A browser of its own in which somebody is logged in. */
async function device(user: string): Promise<Browser> {
  const other = browser();
  await logIn(user, other);
  return other;
}

/** Runs the job. @returns what the page says of it */
async function job(user: string, who = visitor): Promise<string> {
  const answer = await press('/users/job', { user }, who);
  expect([answer.status, answer.location]).toEqual([303, '/users']);
  return / The nightly job for \w+ .*? At [\d:]+\b[^.]*\./.exec(textOf(await look('/users', who)))?.[0].trim() ?? '';
}

describe('logging in', () => {
  test('is offered to nobody, and says who is logged in then', async () => {
    expect(textOf(await look())).toMatch(/ Nobody is logged in Log in as Ada Log in as Grace /);
    await logIn('ada');
    expect(textOf(await look())).toMatch(/ Ada is logged in Switch to Grace Log out /);
    await logIn('grace');
    expect(textOf(await look())).toMatch(/ Grace is logged in Switch to Ada Log out /);
    await press('/users/logout');
    expect(textOf(await look())).toMatch(/ Nobody is logged in /);
  });

  test('and out and in as somebody else keeps the session', async () => {
    await logIn('ada');
    const cookies = new Map(visitor.cookies);
    expect(cookies.size).toBe(1);
    await logIn('grace');
    await press('/users/logout');
    expect(visitor.cookies).toEqual(cookies);
  });

  test.each([
    ['/', '/'],
    ['/connected', '/connected'],
    ['/users', '/users'],
    ['//evil.example', '/users'],
    ['https://evil.example/', '/users'],
    ['', '/users'],
  ])('from the page %s leads to %s', async (back, expected) => {
    for (const path of ['/users/login', '/users/logout']) {
      const answer = await press(path, { user: 'ada', back });
      expect([answer.status, answer.location]).toEqual([303, expected]);
    }
  });

  test.each(['eve', '', 'Ada', '__proto__', 'constructor'])('as %j changes nothing', async (user) => {
    await logIn('ada');
    expect((await press('/users/login', { user })).status).toBe(303);
    expect((await press('/users/job', { user })).status).toBe(303);
    expect(textOf(await look())).toContain(' Ada is logged in ');
    expect(textOf(await look())).not.toContain('The nightly job for');
  });

  test('is offered on the first page, too', async () => {
    expect(textOf(await look('/'))).toContain(' Nobody is logged in Log in as Ada Log in as Grace ');
    await logIn('ada');
    expect(textOf(await look('/'))).toContain(' Ada is logged in ');
  });
});

describe('a user', () => {
  test('who connects in one browser is connected in another, since the same time', async () => {
    await logIn('ada');
    expect(textOf(await look())).toContain(' Ada has not connected an account yet. ');
    await connect();
    const since = new RegExp(` Connected since (${CLOCK}) `);
    const [, first] = since.exec(textOf(await look())) ?? [];
    expect(first).toMatch(new RegExp(`^${CLOCK}$`));

    const other = await device('ada');
    expect(since.exec(textOf(await look('/users', other)))?.[1]).toBe(first);
    expect(textOf(await look('/', other))).toContain(' You are connected ');
    const page = await look('/connected', other);
    expect(page.status).toBe(200);
    expect(textOf(page)).toMatch(
      new RegExp(` Ada is logged in .* User Ada \\(connected since ${first ?? 'never'}\\) `),
    );
    expect((await press('/connected/me', {}, other)).body).toContain('user@sandbox.invalid');
    expect(site.sandbox.calls.exchange).toBe(1);
  });

  test('who is switched to in the same browser is not connected, and the first one is again after switching back', async () => {
    await logIn('ada');
    await connect();
    await job('ada');
    await logIn('grace');
    const page = await look();
    expect(textOf(page)).toContain(' Grace has not connected an account yet. ');
    expect(textOf(page)).not.toContain('Sandbox User');
    expect(textOf(await look('/'))).toContain(HOME_OF_NOBODY);
    for (const path of ['/connected', '/connected/live']) {
      const { status, location } = await look(path);
      expect({ path, status, location }).toEqual({
        path,
        ...(path === '/connected' ? { status: 302, location: '/' } : { status: 401, location: '' }),
      });
    }
    await logIn('ada');
    expect((await look('/connected')).status).toBe(200);
    expect(site.sandbox.calls.exchange).toBe(1);
  });

  test('inherits nothing from the visitor who was not logged in, nor leaves them anything', async () => {
    await connect();
    expect((await look('/connected')).status).toBe(200);
    await logIn('ada');
    expect((await look('/connected')).location).toBe('/');
    await connect();
    expect((await look('/connected')).status).toBe(200);
    await press('/users/logout');
    expect((await look('/connected')).location).toBe('/');
    expect(textOf(await look('/'))).toContain(HOME_OF_NOBODY);
  });

  test('has the buttons of the connected page, by one refresh each, for both browsers', async () => {
    await logIn('ada');
    await connect();
    await look('/connected');
    const text = textOf(await press('/connected/burst'));
    expect(text).toContain('50 of 50 answered 1 token in all of them 1 call to the provider');
    const hash = /their handlers got ([0-9a-f]{8}) /.exec(text)?.[1];
    expect(textOf(await look('/connected', await device('ada')))).toContain(` ${hash ?? 'none'} (a hash of it) `);
    expect(site.sandbox.calls.refresh).toBe(1);
    expect(text).toMatch(/ Refreshed token 2 of this connection, in \d+ ms \(Ada\) /);
  });
});

describe('"Disconnect everywhere"', () => {
  test.each(['/users/disconnect', '/connect/disconnect'])('by %s is over in both browsers at once', async (path) => {
    await logIn('ada');
    await connect();
    const other = await device('ada');
    expect((await look('/connected', other)).status).toBe(200);

    const answer = await press(path, {}, other);
    expect([answer.status, answer.location]).toEqual([303, path === '/users/disconnect' ? '/users' : '/?left']);
    for (const who of [visitor, other]) {
      expect(textOf(await look('/users', who))).toMatch(
        new RegExp(` Not connected since ${CLOCK}: the visitor has disconnected. `),
      );
      expect((await look('/connected', who)).location).toBe('/');
      expect((await look('/connected/live', who)).status).toBe(401);
      expect((await press('/connected/me', {}, who)).location).toBe('/');
    }
    expect(await job('ada')).toContain('Please connect your account');
  });

  test('ends the connection of nobody but the user', async () => {
    const ada = await device('ada');
    await connect(ada);
    await logIn('grace');
    await connect();
    await press('/users/disconnect');
    await press('/users/logout');
    await press('/users/disconnect');
    expect((await look('/connected', ada)).status).toBe(200);
    expect(textOf(await look('/metrics'))).toContain('connect_events_total{type="disconnected"} 1 ');
  });
});

describe('"Run the nightly job"', () => {
  test('acts for the user without a session of theirs', async () => {
    const ada = await device('ada');
    await connect(ada);
    const stranger = browser();
    expect(await job('ada', stranger)).toMatch(
      new RegExp(`^The nightly job for Ada The API calls Ada “Sandbox User”. At ${CLOCK}\\.$`),
    );
    // It was told to that browser alone.
    expect(textOf(await look('/users', ada))).not.toContain('The nightly job for');
    expect(site.sandbox.calls.api).toBe(1);
  });

  test('is told again when the page is loaded again, until another user comes', async () => {
    await job('grace');
    for (let loads = 0; loads < 2; loads += 1)
      expect(textOf(await look())).toContain(
        'The nightly job for Grace It came to nothing: “Please connect your account”',
      );
    await logIn('ada');
    expect(textOf(await look())).not.toContain('The nightly job for');
  });

  test('says what is wrong in words for a user who is not connected', async () => {
    expect(await job('grace')).toMatch(
      new RegExp(
        `^The nightly job for Grace It came to nothing: “Please connect your account” \\( ERR_CONNECT_REQUIRED \\). At ${CLOCK}\\.$`,
      ),
    );
    expect(site.sandbox.calls.api).toBe(0);
  });

  test('says what is wrong in words when the API refuses', async () => {
    await logIn('ada');
    await connect();
    site.sandbox.set({ errorShape: 'errorObject' });
    site.sandbox.force(403, { on: 'api' });
    expect(await job('ada')).toContain('It came to nothing: “Your account is not allowed to do this”');
  });

  test.each([
    ['{"data":{"name":7}}', 'The API has answered, and told no name.'],
    ['{"data":null}', 'The API has answered, and told no name.'],
    ['null', 'It came to nothing: “The provider gave an unusable answer” ('],
    ['{"data":{"name":"<script>alert(1)</script>"}}', 'The API calls Ada “&lt;script&gt;alert(1)&lt;/script&gt;”.'],
  ])('takes the answer %s for what it is', async (body, told) => {
    const api = await serve(createServer((_req, res) => res.setHeader('Content-Type', 'application/json').end(body)));
    site = await startDemoSite({ apiBaseUrl: api.url });
    await logIn('ada');
    await connect();
    await job('ada');
    expect((await look()).body).toContain(told);
  });
});

test.each(['/users/login', '/users/logout', '/users/job', '/users/disconnect'])(
  'a reload of %s leads back to the users, and another site cannot send it',
  async (path) => {
    await logIn('ada');
    await connect();
    const reload = await look(path);
    expect([reload.status, reload.location]).toEqual([302, '/users']);
    const foreign = await sendForm(visitor, site.address, path, { user: 'grace' }, { 'sec-fetch-site': 'cross-site' });
    expect(foreign.status).toBe(403);
    expect(textOf(await look())).toMatch(/ Ada is logged in .* Connected since /);
    expect(textOf(await look())).not.toContain('The nightly job for');
  },
);

test('no token stands in any page of a user', async () => {
  await logIn('ada');
  await connect();
  await job('ada');
  const pages = await Promise.all(
    ['/', '/users', '/connected', '/connected/live', '/metrics'].map((path) => look(path)),
  );
  expect(pages.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect(pages.map(({ body }) => body).join('')).not.toMatch(TOKEN);
});

describe('while the store of connections is away', () => {
  let isAway = false;

  beforeEach(async () => {
    isAway = false;
    const store = memoryConnections();
    const unlessAway = <T>(run: () => Promise<T>): Promise<T> =>
      isAway ? Promise.reject(new Error('redis://:CANARY@host is away')) : run();
    const connections: ConnectionStore = {
      load: (key) => unlessAway(() => store.load(key)),
      save: (key, record, ifVersion) => unlessAway(() => store.save(key, record, ifVersion)),
      remove: (key, ifVersion) => unlessAway(() => store.remove(key, ifVersion)),
      encryptionKeys: store.encryptionKeys,
    };
    site = await startDemoSite({ connections, ledger: memoryLedger() });
  });

  test('a user gets a page that says so, and it does nobody else any harm', async () => {
    await logIn('ada');
    await connect();
    isAway = true;
    for (const path of ['/', '/users', '/connected']) {
      const page = await look(path);
      expect([page.status, /<h1>(.*)<.h1>/.exec(page.body)?.[1]]).toEqual([503, 'Sign-in is not available right now']);
      expect(page.body).not.toContain('CANARY');
    }
    expect((await press('/users/disconnect')).status).toBe(503);
    expect(await job('ada', browser())).toContain('It came to nothing: “Sign-in is not available right now”');
    expect((await press('/users/logout', { back: '/' })).status).toBe(303);
    expect((await look('/')).status).toBe(200);
  });
});

test.each([
  ['today', 0, '09:05:07'],
  ['another day', 1, 'Mon Jan 05 2026, 09:05:07'],
])('a moment of %s is told so', (_day, daysAgo, expected) => {
  const now = new Date(2026, 0, 5 + daysAgo, 23, 59, 59);
  expect(moment(new Date(2026, 0, 5, 9, 5, 7), now.getTime())).toBe(expected);
});

test('where visitors may come from elsewhere nobody can log in without a password', async () => {
  const server = createServer();
  const { port } = await serve(server);
  const address = 'https://demo.example';
  const { connectOptions } = site.sandbox;
  server.on(
    'request',
    createDemo({ address, connectOptions: { ...connectOptions, redirectUri: `${address}/connect/callback` } }).app,
  );
  const home = await visitor.visit(`http://localhost:${port}/`);
  expect(textOf(home)).not.toMatch(/logged in|Log in|Users/);
  expect((await visitor.visit(`http://localhost:${port}/users`)).status).toBe(404);
  const login = await sendForm(visitor, `http://localhost:${port}`, '/users/login', { user: 'ada' });
  expect(login.status).toBe(404);
});
