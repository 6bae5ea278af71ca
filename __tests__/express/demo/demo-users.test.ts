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
const HOME_OF_NOBODY = 'Sign-in with Appy Pie Connect, in one line of Express';

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

async function signIn(user: string, who = visitor): Promise<void> {
  const answer = await press('/users/sign-in', { user }, who);
  expect([answer.status, answer.location]).toEqual([303, '/users']);
}

async function connect(who = visitor): Promise<void> {
  const started = await who.visit(`${site.address}/connect/authorize`);
  await who.visit(await site.sandbox.allow(started.location));
}

/** A browser of its own in which somebody is signed in. */
async function device(user: string): Promise<Browser> {
  const other = browser();
  await signIn(user, other);
  return other;
}

/** Runs the job. @returns what the page says of it */
async function job(user: string, who = visitor): Promise<string> {
  const answer = await press('/users/job', { user }, who);
  expect([answer.status, answer.location]).toEqual([303, '/users']);
  return (
    / The nightly job for \w+ .*? It ran at [\d:]+\b[^.]*\./.exec(textOf(await look('/users', who)))?.[0].trim() ?? ''
  );
}

describe('signing in as a user', () => {
  test('is offered to nobody, and says who is signed in then', async () => {
    expect(textOf(await look())).toMatch(/ No user is signed in Sign in as Ada Sign in as Grace /);
    await signIn('ada');
    expect(textOf(await look())).toMatch(/ Signed in as Ada Switch to Grace Sign out /);
    await signIn('grace');
    expect(textOf(await look())).toMatch(/ Signed in as Grace Switch to Ada Sign out /);
    await press('/users/sign-out');
    expect(textOf(await look())).toMatch(/ No user is signed in /);
  });

  test('and out and in as somebody else keeps the session', async () => {
    await signIn('ada');
    const cookies = new Map(visitor.cookies);
    expect(cookies.size).toBe(1);
    await signIn('grace');
    await press('/users/sign-out');
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
    for (const path of ['/users/sign-in', '/users/sign-out']) {
      const answer = await press(path, { user: 'ada', back });
      expect([answer.status, answer.location]).toEqual([303, expected]);
    }
  });

  test.each(['eve', '', 'Ada', '__proto__', 'constructor'])('as %j changes nothing', async (user) => {
    await signIn('ada');
    expect((await press('/users/sign-in', { user })).status).toBe(303);
    expect((await press('/users/job', { user })).status).toBe(303);
    expect(textOf(await look())).toContain(' Signed in as Ada ');
    expect(textOf(await look())).not.toContain('The nightly job for');
  });

  test('is offered on the first page, too', async () => {
    expect(textOf(await look('/'))).toContain(' Or try it as a user of your app Sign in as Ada Sign in as Grace ');
    await signIn('ada');
    expect(textOf(await look('/'))).toContain(' Signed in as Ada ');
  });
});

describe('a user', () => {
  test('who connects in one browser is connected in another, since the same time', async () => {
    await signIn('ada');
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
    expect(textOf(page)).toMatch(new RegExp(` Signed in as Ada .* User Ada Connected since ${first ?? 'never'} `));
    expect((await press('/connected/me', {}, other)).location).toBe('/connected');
    expect((await look('/connected', other)).body).toContain('user@sandbox.invalid');
    expect(site.sandbox.calls.exchange).toBe(1);
  });

  test('who is switched to in the same browser is not connected, and the first one is again after switching back', async () => {
    await signIn('ada');
    await connect();
    await job('ada');
    await signIn('grace');
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
    await signIn('ada');
    expect((await look('/connected')).status).toBe(200);
    expect(site.sandbox.calls.exchange).toBe(1);
  });

  test('inherits nothing from the visitor who was not signed in, nor leaves them anything', async () => {
    await connect();
    expect((await look('/connected')).status).toBe(200);
    await signIn('ada');
    expect((await look('/connected')).location).toBe('/');
    await connect();
    expect((await look('/connected')).status).toBe(200);
    await press('/users/sign-out');
    expect((await look('/connected')).location).toBe('/');
    expect(textOf(await look('/'))).toContain(HOME_OF_NOBODY);
  });

  test('has the buttons of the connected page, by one refresh each, for both browsers', async () => {
    await signIn('ada');
    await connect();
    await look('/connected');
    await press('/connected/burst');
    const text = textOf(await look('/connected'));
    expect(text).toContain('50 of 50 answered 1 call to the provider 1 new token for all of them');
    const hash = /its handler got ([0-9a-f]{8}) /.exec(text)?.[1];
    expect(textOf(await look('/connected', await device('ada')))).toContain(` Hash of the token ${hash ?? 'none'} `);
    expect(site.sandbox.calls.refresh).toBe(1);
    expect(text).toMatch(/ Refreshed token 2 of this connection, after \d+ ms /);
  });
});

describe('"Disconnect everywhere"', () => {
  test.each(['/users/disconnect', '/connect/disconnect'])('by %s is over in both browsers at once', async (path) => {
    await signIn('ada');
    await connect();
    const other = await device('ada');
    expect((await look('/connected', other)).status).toBe(200);

    const answer = await press(path, {}, other);
    expect([answer.status, answer.location]).toEqual([303, path === '/users/disconnect' ? '/users' : '/disconnected']);
    const told = answer.location === '/users' ? answer.location : (await look(answer.location, other)).location;
    const notice = ' Ada is disconnected on every device ';
    expect(textOf(await look(told, other))).toContain(notice);
    expect(textOf(await look(told, other))).not.toContain(notice);
    for (const who of [visitor, other]) {
      expect(textOf(await look('/users', who))).toMatch(
        new RegExp(` Not connected since ${CLOCK}: disconnected by the user. `),
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
    await signIn('grace');
    await connect();
    await press('/users/disconnect');
    await press('/users/sign-out');
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
      new RegExp(`^The nightly job for Ada The API knows Ada as “Sandbox User”. It ran at ${CLOCK}\\.$`),
    );
    // It was told to that browser alone.
    expect(textOf(await look('/users', ada))).not.toContain('The nightly job for');
    expect(site.sandbox.calls.api).toBe(1);
  });

  test('is told once, and not to the next user', async () => {
    const failure = 'The nightly job for Grace The job failed: “Please connect your account”';
    await press('/users/job', { user: 'grace' });
    expect(textOf(await look())).toContain(failure);
    expect(textOf(await look())).not.toContain('The nightly job for');
    await press('/users/job', { user: 'grace' });
    await signIn('ada');
    expect(textOf(await look())).not.toContain('The nightly job for');
  });

  test('is told to its user among their events, and to nobody else', async () => {
    const ada = await device('ada');
    await connect(ada);
    const grace = await device('grace');
    await connect(grace);
    await press('/users/job', { user: 'ada' }, grace);
    expect(textOf(await look('/connected', ada))).toContain(' API called GET: 200 in ');
    expect(textOf(await look('/connected', grace))).not.toContain(' API called ');
  });

  test('says what is wrong in words for a user who is not connected', async () => {
    expect(await job('grace')).toMatch(
      new RegExp(
        `^The nightly job for Grace The job failed: “Please connect your account” \\( ERR_CONNECT_REQUIRED \\). It ran at ${CLOCK}\\.$`,
      ),
    );
    expect(site.sandbox.calls.api).toBe(0);
  });

  test('says what is wrong in words when the API refuses', async () => {
    await signIn('ada');
    await connect();
    site.sandbox.set({ errorShape: 'errorObject' });
    site.sandbox.force(403, { on: 'api' });
    expect(await job('ada')).toContain('The job failed: “Your account is not allowed to do this”');
  });

  test.each([
    ['{"data":{"name":7}}', 'The API has answered, but gave no name.'],
    ['{"data":null}', 'The API has answered, but gave no name.'],
    ['null', 'The job failed: “The provider gave an unusable answer” ('],
    ['{"data":{"name":"<script>alert(1)</script>"}}', 'The API knows Ada as “&lt;script&gt;alert(1)&lt;/script&gt;”.'],
  ])('takes the answer %s for what it is', async (body, told) => {
    const api = await serve(createServer((_req, res) => res.setHeader('Content-Type', 'application/json').end(body)));
    site = await startDemoSite({ apiBaseUrl: api.url });
    await signIn('ada');
    await connect();
    await press('/users/job', { user: 'ada' });
    expect((await look()).body).toContain(told);
  });
});

test.each(['/users/sign-in', '/users/sign-out', '/users/job', '/users/disconnect'])(
  'a reload of %s leads back to the users, and another site cannot send it',
  async (path) => {
    await signIn('ada');
    await connect();
    const reload = await look(path);
    expect([reload.status, reload.location]).toEqual([302, '/users']);
    const foreign = await sendForm(visitor, site.address, path, { user: 'grace' }, { 'sec-fetch-site': 'cross-site' });
    expect(foreign.status).toBe(403);
    expect(textOf(await look())).toMatch(/ Signed in as Ada .* Connected since /);
    expect(textOf(await look())).not.toContain('The nightly job for');
  },
);

test('no token stands in any page of a user', async () => {
  await signIn('ada');
  await connect();
  await press('/users/job', { user: 'ada' });
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
    await signIn('ada');
    await connect();
    isAway = true;
    for (const path of ['/', '/users', '/connected']) {
      const page = await look(path);
      expect([page.status, /<h1>(.*)<.h1>/.exec(page.body)?.[1]]).toEqual([503, 'Sign-in is not available right now']);
      expect(page.body).not.toContain('CANARY');
    }
    expect((await press('/users/disconnect')).status).toBe(503);
    expect(await job('ada', browser())).toContain('The job failed: “Sign-in is not available right now”');
    expect((await press('/users/sign-out', { back: '/' })).status).toBe(303);
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

test('where visitors may come from elsewhere nobody can sign in without a password', async () => {
  const server = createServer();
  const { port } = await serve(server);
  const address = 'https://demo.example';
  const { connectOptions } = site.sandbox;
  server.on(
    'request',
    createDemo({ address, connectOptions: { ...connectOptions, redirectUri: `${address}/connect/callback` } }).app,
  );
  const home = await visitor.visit(`http://localhost:${port}/`);
  expect(textOf(home)).not.toMatch(/signed in|Sign in as|Users/);
  expect((await visitor.visit(`http://localhost:${port}/users`)).status).toBe(404);
  const signedIn = await sendForm(visitor, `http://localhost:${port}`, '/users/sign-in', { user: 'ada' });
  expect(signedIn.status).toBe(404);
});
