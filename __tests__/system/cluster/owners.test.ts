import type { ConnectEvent } from '../../../src';
import { browser, type Answer, type Browser } from '../../support/app';
import { findSecrets } from '../../support/find-secret';
import { describeOnEach } from './backends';
import { ask, callbackPath, sentBy, signedIn, tokenFrom, type TokenAnswer, type Worker } from './cluster';
import { dumpOf } from './stored';
import { startWorld, worksAtTheApi, type World } from './world';

const HOUR_MS = 3_600_000;
/** For so long a session's copy is used without a look at the record. */
const CURRENT_MS = 60_000;
const EACH = Array.from({ length: 25 });
const OWN = { 'sec-fetch-site': 'same-origin' };
const OTHER_KEYS = [{ id: 'k9', secret: 'another ledger secret of the tests, 32 bytes or more' }];
const SESSION_KEYS = [{ id: 's1', secret: 'a session secret of the tests, 32 bytes or more' }];

/**
 * Commands or statements for ledger and connections together, nobody else being about. In PostgreSQL an operation of the
 * ledger is one statement that reads, and one more where it changes something.
 */
const SENT = {
  redis: {
    'a request that is not due': 0,
    'a job that is not due': 1,
    'a refresh by a job': 4,
    'a job elsewhere, after that': 1,
    // The last one asks whether the session has moved while it was written.
    'a session that is behind, after that': 2,
    'a refresh by a session': 5,
    // Whoever adopts writes the record, too.
    'an adoption while the record is not written': 3,
  },
  postgres: {
    'a request that is not due': 0,
    'a job that is not due': 1,
    'a refresh by a job': 6,
    'a job elsewhere, after that': 1,
    'a session that is behind, after that': 2,
    'a refresh by a session': 7,
    'an adoption while the record is not written': 3,
  },
};

/** What a job is told. */
interface JobToken extends TokenAnswer {
  readonly refreshToken: string;
}

/** A browser in which a user is logged in. */
async function device(worker: Worker, user: string): Promise<Browser> {
  const visitor = browser();
  await ask(worker, `/login?as=${user}`, visitor);
  return visitor;
}

/** What a process says that does something for a user without their session. */
function job(worker: Worker, user: string, call: 'token' | 'me' | 'status' | 'disconnect'): Promise<Answer> {
  return ask(worker, `/of/${user}/${call}`, browser());
}

async function jobToken(worker: Worker, user: string): Promise<JobToken> {
  const answer = await job(worker, user, 'token');
  if (answer.status !== 200) throw new Error(`The job was told ${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body) as JobToken;
}

const disconnect = (worker: Worker, visitor: Browser): Promise<Answer> =>
  visitor.visit(`${worker.url}/connect/disconnect`, OWN, 'POST');

/** Status, code and reason. */
function said({ status, body }: Answer): readonly unknown[] {
  const { code, reason } = JSON.parse(body) as { code?: string; reason?: string };
  return [status, code, reason];
}

/** Whoever comes early is told to come again, and does. A sign-in that is lost is no reason to. */
async function insisting(request: () => Promise<Answer>): Promise<string> {
  let answer = await request();
  while (answer.status === 503) answer = await request();
  return answer.status === 200 ? (JSON.parse(answer.body) as TokenAnswer).accessToken : `lost: ${answer.body}`;
}

describeOnEach('four processes whose connections belong to users', (start) => {
  let world: World;
  let workers: readonly [Worker, Worker, Worker, Worker];
  let web: Worker;
  let otherWeb: Worker;
  let jobs: Worker;
  let user: string;
  let users = 0;
  beforeAll(async () => {
    world = await startWorld(await start(), { processes: 2, setup: { users: 'web' } });
    const [one, two] = world.cluster.workers as [Worker, Worker];
    workers = [one, two, await world.start({ users: 'jobs' }), await world.start({ users: 'jobs' })];
    [web, otherWeb, jobs] = workers;
  });
  beforeEach(async () => {
    await world.reset();
    users += 1;
    user = `ada-${users}`;
  });
  afterAll(() => world.cluster.close());

  /** A device of the user, who has connected on it. */
  const connected = async (worker = web): Promise<Browser> =>
    signedIn(world.sandbox, worker, worker, await device(worker, user));

  /** What the app has been told of the user, by any process. */
  function told(type: ConnectEvent['type']): readonly ConnectEvent[] {
    const events = workers.flatMap((worker) => worker.events);
    return events.filter((event) => event.type === type && 'owner' in event && event.owner === user);
  }

  /** Resolves once the app has been told; a process tells the test of it in its own time. */
  async function toldOf(type: ConnectEvent['type']): Promise<void> {
    while (told(type).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** What each of the three ways to read gives. */
  async function seenBy(worker: Worker, visitor: Browser): Promise<readonly unknown[]> {
    const plain = JSON.parse((await ask(worker, '/session', visitor)).body) as { accessToken?: string };
    const fresh = JSON.parse((await ask(worker, '/token', visitor)).body) as { accessToken?: string; code?: string };
    const { status } = await ask(worker, '/guarded', visitor);
    return [plain.accessToken, fresh.accessToken ?? fresh.code, status];
  }
  const NOTHING = [undefined, 'ERR_CONNECT_REQUIRED', 401];

  /** The clients of all processes have found the database again. */
  async function reachable(): Promise<void> {
    for (const each of workers) await insisting(() => job(each, user, 'token'));
  }

  test('who connects on one device is connected on another, in another process, and for jobs: no further sign-in', async () => {
    const phone = await connected();
    const { accessToken } = await tokenFrom(web, phone);
    const laptop = await device(otherWeb, user);
    expect((await ask(otherWeb, '/guarded', laptop)).status).toBe(200);
    expect(await seenBy(otherWeb, laptop)).toEqual([accessToken, accessToken, 200]);
    expect((await jobToken(jobs, user)).accessToken).toBe(accessToken);
    expect((await job(workers[3], user, 'me')).status).toBe(200);
    expect((await ask(otherWeb, '/me', laptop)).status).toBe(200);
    expect(world.sandbox.calls).toMatchObject({ authorize: 1, exchange: 1, refresh: 0 });
  });

  test.each([
    ['somebody else who logs in', 'eve'],
    ['nobody, after a logout,', undefined],
  ])('%s in the same session sees nothing of the first user, in any process', async (_who, next) => {
    const shop = await connected();
    const { accessToken } = await tokenFrom(web, shop);
    const id = shop.cookies.get('connect.sid');
    await ask(otherWeb, next === undefined ? '/leave' : `/login?as=${next}-${users}`, shop);
    expect(shop.cookies.get('connect.sid')).toBe(id);
    if (next !== undefined) {
      // Nor where nobody can look into the store.
      world.backend.way.refuse();
      const answer = await ask(otherWeb, '/token', shop);
      world.backend.way.heal();
      await reachable();
      expect(said(answer).slice(0, 2)).toEqual([503, 'ERR_CONNECT_STORE']);
    }
    for (const worker of [web, otherWeb]) expect(await seenBy(worker, shop)).toEqual(NOTHING);
    // Nor do they end it.
    expect((await disconnect(web, shop)).status).toBe(204);
    expect((await jobToken(jobs, user)).accessToken).toBe(accessToken);
  });

  test('who finishes a sign-in that another user of the session has begun gets 403; nothing is exchanged or stored', async () => {
    const { sandbox, backend } = world;
    const shop = await device(web, user);
    const path = await callbackPath(sandbox, web, shop);
    await ask(otherWeb, `/login?as=eve-${users}`, shop);
    expect(said(await ask(otherWeb, path, shop))).toEqual([403, 'ERR_CONNECT_STATE', 'owner']);
    await ask(otherWeb, '/leave', shop);
    expect(said(await ask(web, path, shop))).toEqual([403, 'ERR_CONNECT_STATE', 'owner']);
    expect(sandbox.calls.exchange).toBe(0);
    expect([await backend.connectionOf(user), await backend.connectionOf(`eve-${users}`)]).toEqual([
      undefined,
      undefined,
    ]);
    // Who began it may still finish it.
    await ask(web, `/login?as=${user}`, shop);
    expect((await shop.visit(otherWeb.url + path)).status).toBe(302);
    expect((await jobToken(jobs, user)).accessToken).toBe((await tokenFrom(web, shop)).accessToken);
  });

  test.each([
    ['an object', { id: 'canary' }],
    ['a list', ['canary']],
    ['300 characters', 'canary'.repeat(50)],
    ['an empty text', ''],
    ['a control character', 'canary\n'],
    ['a lone surrogate', 'canary\ud800'],
    ['a fraction', 1.5],
    ['__proto__', '__proto__'],
    ['an error that is thrown', 'whoever throws'],
  ])('an owner that is %s is a clear error in every process; nothing is exchanged or stored', async (_what, value) => {
    const { sandbox, backend } = world;
    const visitor = browser();
    const path = await callbackPath(sandbox, web, visitor);
    await ask(web, `/login?json=${encodeURIComponent(JSON.stringify(value))}`, visitor);
    for (const [worker, target] of [
      [web, '/connect/authorize'],
      [otherWeb, path],
      [otherWeb, '/token'],
      [web, '/guarded'],
      [web, '/me'],
    ] as const) {
      const answer = await ask(worker, target, visitor);
      expect([target, ...said(answer).slice(0, 2)]).toEqual([target, 500, 'ERR_CONNECT_OPTIONS']);
      expect(answer.body).not.toContain('canary');
    }
    expect(sandbox.calls.exchange).toBe(0);
    expect(await backend.dump()).not.toContain('canary');
  });

  describe.each([400, 401, 403] as const)('a user whose connection the provider refuses with %i', (status) => {
    test.each(['flat', 'text', 'empty'] as const)(
      'in a body that is %s keeps nobody else from anything',
      async (errorShape) => {
        const { sandbox } = world;
        const phone = await connected();
        const { accessToken } = await tokenFrom(web, phone);
        const eve = await device(otherWeb, `eve-${users}`);
        await signedIn(sandbox, otherWeb, otherWeb, eve);
        await world.pass(HOUR_MS);
        sandbox.revoke(accessToken);
        sandbox.set({ deadGrantAs: status, errorShape });

        const refused = await ask(web, '/token', phone);
        expect(said(refused)).toEqual([401, 'ERR_CONNECT_EXPIRED', 'refused']);
        expect(JSON.parse(refused.body)).toMatchObject({ loginUrl: '/connect/authorize' });
        expect(said(await job(jobs, user, 'token'))).toEqual([401, 'ERR_CONNECT_EXPIRED', 'refused']);
        const { refresh } = sandbox.calls;
        // Who asks next, in whatever process, does not ask the provider again at once.
        expect(said(await ask(otherWeb, '/token', await device(otherWeb, user)))).toEqual([
          401,
          'ERR_CONNECT_EXPIRED',
          'refused',
        ]);
        expect(sandbox.calls.refresh).toBe(refresh);
        expect(await worksAtTheApi(sandbox, (await tokenFrom(otherWeb, eve)).accessToken)).toBe(true);
        expect(await worksAtTheApi(sandbox, (await jobToken(jobs, `eve-${users}`)).accessToken)).toBe(true);
        expect(told('ended')).toEqual([]);
      },
    );
  });

  test('a disconnect on one device is over for jobs at once, and on the other device within 60 s', async () => {
    const phone = await connected();
    const laptop = await device(otherWeb, user);
    await tokenFrom(otherWeb, laptop);
    expect((await disconnect(web, phone)).status).toBe(204);
    expect(said(await job(jobs, user, 'token'))).toEqual([401, 'ERR_CONNECT_REQUIRED', 'disconnected']);
    expect(await seenBy(web, phone)).toEqual(NOTHING);
    await world.pass(CURRENT_MS);
    expect(said(await ask(otherWeb, '/guarded', laptop))).toEqual([401, 'ERR_CONNECT_REQUIRED', 'disconnected']);
    expect(await seenBy(otherWeb, laptop)).toEqual(NOTHING);
    expect(told('ended')).toMatchObject([{ reason: 'disconnected' }]);
    expect(told('disconnected')).toHaveLength(1);
  });

  test('a disconnect by a job is over on every device within 60 s', async () => {
    const phone = await connected();
    const laptop = await device(otherWeb, user);
    await tokenFrom(otherWeb, laptop);
    expect((await job(jobs, user, 'disconnect')).status).toBe(200);
    await world.pass(CURRENT_MS);
    expect(said(await ask(web, '/token', phone))).toEqual([401, 'ERR_CONNECT_REQUIRED', 'disconnected']);
    expect(said(await ask(otherWeb, '/token', laptop))).toEqual([401, 'ERR_CONNECT_REQUIRED', 'disconnected']);
    expect(JSON.parse((await job(workers[3], user, 'status')).body)).toMatchObject({ connected: false });
  });

  test('25 requests and 25 jobs on one expired connection present the refresh token once, and get one token that works', async () => {
    const phone = await connected();
    const laptop = await device(web, user);
    await tokenFrom(web, laptop);
    const { refreshToken } = await jobToken(jobs, user);
    await world.pass(HOUR_MS);
    const requests = EACH.map((_, index) => tokenFrom(web, index % 2 === 0 ? phone : laptop));
    const answers = await Promise.all([...requests, ...EACH.map(() => jobToken(jobs, user))]);

    expect(world.sandbox.presentations(refreshToken)).toBe(1);
    expect(world.sandbox.calls.refresh).toBe(1);
    expect(answers).toHaveLength(50);
    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(2);
    const [accessToken = '', ...others] = new Set(answers.map((answer) => answer.accessToken));
    expect(others).toEqual([]);
    expect(await worksAtTheApi(world.sandbox, accessToken)).toBe(true);
    // The record has it, too: who has no copy and asks no ledger finds it there.
    await world.backend.emptyLedger();
    expect((await jobToken(workers[3], user)).accessToken).toBe(accessToken);
  });

  test('with the database away valid copies are served, everybody else comes again, and nobody is signed out', async () => {
    const { backend, sandbox } = world;
    const phone = await connected();
    const { accessToken, refreshToken } = await jobToken(jobs, user);
    backend.way.refuse();
    expect((await tokenFrom(web, phone)).accessToken).toBe(accessToken);
    const newcomer = await device(otherWeb, user);
    await world.pass(HOUR_MS);
    const answers = [await ask(web, '/token', phone), await ask(otherWeb, '/token', newcomer)];
    answers.push(await job(jobs, user, 'token'), await job(jobs, user, 'disconnect'));
    for (const answer of answers) {
      expect(said(answer).slice(0, 2)).toEqual([503, 'ERR_CONNECT_STORE']);
      expect(answer.headers['retry-after']).toBe('2');
    }
    backend.way.heal();
    await reachable();

    const renewed = [await tokenFrom(web, phone), await tokenFrom(otherWeb, newcomer), await jobToken(jobs, user)];
    expect(new Set(renewed.map((answer) => answer.accessToken)).size).toBe(1);
    expect(await worksAtTheApi(sandbox, renewed[0]!.accessToken)).toBe(true);
    expect(sandbox.presentations(refreshToken)).toBe(1);
    expect(told('ended')).toEqual([]);
  });

  test('when the ledger has lost everything, connections go on from their records', async () => {
    const { backend, sandbox } = world;
    const phone = await connected();
    await world.pass(HOUR_MS);
    await jobToken(jobs, user);
    const { refreshToken } = await jobToken(jobs, user);
    await world.pass(HOUR_MS);
    await backend.emptyLedger();
    const answers = await Promise.all([jobToken(jobs, user), jobToken(workers[3], user), tokenFrom(web, phone)]);
    const [accessToken = '', ...others] = new Set(answers.map((answer) => answer.accessToken));
    expect(others).toEqual([]);
    expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
    expect(sandbox.presentations(refreshToken)).toBe(1);
    expect(sandbox.calls.refresh).toBe(2);
  });

  test.each(['web', 'jobs'] as const)(
    'kill -9 of the process of kind "%s" that has won the refresh, with a grace of 10 s at the provider: nobody is lost',
    async (kind) => {
      const { sandbox, ledger } = world;
      sandbox.set({ graceMs: 10_000 });
      const phone = await connected();
      const victim = await world.start({ users: kind });
      const { refreshToken } = await jobToken(jobs, user);
      await world.pass(HOUR_MS);
      sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
      const fromWeb = (worker: Worker) => () => ask(worker, '/token', phone.fork());
      const fromJob = (worker: Worker) => () => job(worker, user, 'token');
      const asked = kind === 'web' ? fromWeb(victim) : fromJob(victim);
      const broken = EACH.map(() =>
        asked().then(
          ({ status }) => status,
          () => 'broken off',
        ),
      );
      await sandbox.waiting();
      const others = [...EACH.map(() => insisting(fromWeb(web))), ...EACH.map(() => insisting(fromJob(jobs)))];
      await victim.kill();
      expect(new Set(await Promise.all(broken))).toEqual(new Set(['broken off']));
      sandbox.release();
      await ledger.endDeadline();

      const [accessToken = '', ...more] = new Set(await Promise.all(others));
      expect(more).toEqual([]);
      expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
      // The one repeat that nobody can avoid: what became of the first presentation only the dead process could know.
      expect(sandbox.presentations(refreshToken)).toBe(2);
      // It goes on from there.
      await world.pass(HOUR_MS);
      expect(await worksAtTheApi(sandbox, (await jobToken(workers[3], user)).accessToken)).toBe(true);
      expect(told('ended')).toEqual([]);
    },
  );

  test('kill -9 before the record is written: the ledger has the token set, and whoever adopts it writes the record', async () => {
    const { sandbox, ledger, backend } = world;
    await connected();
    const victim = await world.start({ users: 'jobs' });
    const { refreshToken } = await jobToken(jobs, user);
    await world.pass(HOUR_MS);
    await victim.hold('save record');
    const broken = job(victim, user, 'token').catch(() => 'broken off');
    await victim.held('save record');
    await victim.kill();
    expect(await broken).toBe('broken off');

    // Who has settled it might still be writing, until it is 5 s old.
    await ledger.ageBox(6000);
    const { accessToken } = await jobToken(jobs, user);
    expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
    expect(sandbox.presentations(refreshToken)).toBe(1);
    await backend.emptyLedger();
    expect((await jobToken(workers[3], user)).accessToken).toBe(accessToken);
    expect(sandbox.calls.refresh).toBe(1);
  });

  test('two devices that sign in at the same time, in two processes: one connection remains, and both go on', async () => {
    const { sandbox, ledger } = world;
    const [phone, laptop] = [await device(web, user), await device(otherWeb, user)];
    const callbacks = [await callbackPath(sandbox, web, phone), await callbackPath(sandbox, otherWeb, laptop)] as const;
    const holds = [web.holds('save record') + 1, otherWeb.holds('save record') + 1] as const;
    await Promise.all([web.hold('save record'), otherWeb.hold('save record')]);
    const landing = [ask(web, callbacks[0], phone), ask(otherWeb, callbacks[1], laptop)];
    // Both have seen that there is no record.
    await Promise.all([web.held('save record', holds[0]), otherWeb.held('save record', holds[1])]);
    await Promise.all([web.release('save record'), otherWeb.release('save record')]);
    expect((await Promise.all(landing)).map(({ status }) => status)).toEqual([302, 302]);

    const atOnce = [await tokenFrom(web, phone), await tokenFrom(otherWeb, laptop)];
    for (const { accessToken } of atOnce) expect(await worksAtTheApi(sandbox, accessToken)).toBe(true);
    // Nobody waits for the end of what is replaced.
    await ledger.until(({ state }) => state === 'revoked');
    await toldOf('ended');
    expect(told('ended')).toMatchObject([{ reason: 'replaced' }]);
    const { accessToken: remaining } = await jobToken(jobs, user);
    await world.pass(CURRENT_MS);
    expect((await tokenFrom(web, phone)).accessToken).toBe(remaining);
    expect((await tokenFrom(otherWeb, laptop)).accessToken).toBe(remaining);
    await world.pass(HOUR_MS);
    const renewed = await Promise.all([tokenFrom(web, phone), tokenFrom(otherWeb, laptop), jobToken(jobs, user)]);
    expect(new Set(renewed.map(({ accessToken }) => accessToken)).size).toBe(1);
    expect(await worksAtTheApi(sandbox, renewed[0].accessToken)).toBe(true);
    expect(sandbox.calls.refresh).toBe(1);
  });

  type Ending = (phone: Browser) => Promise<Answer>;
  const ENDINGS: readonly (readonly [string, Ending])[] = [
    ['in the browser that has connected', (phone) => disconnect(web, phone)],
    // Which has no copy of the connection to end.
    ['in another browser of the user', async () => disconnect(web, await device(web, user))],
    ['by another job', () => job(workers[3], user, 'disconnect')],
  ];
  test.each(ENDINGS)(
    "a disconnect %s during a job's refresh: the job gets EXPIRED, and nothing comes back",
    async (_where, end) => {
      const { sandbox, ledger, backend } = world;
      const phone = await connected();
      const laptop = await device(otherWeb, user);
      await tokenFrom(otherWeb, laptop);
      await world.pass(HOUR_MS);
      sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
      const refreshing = job(jobs, user, 'token');
      await sandbox.waiting();
      expect([200, 204]).toContain((await end(phone)).status);
      sandbox.release();

      expect(said(await refreshing)).toEqual([401, 'ERR_CONNECT_EXPIRED', 'revoked']);
      expect((await ledger.record())?.state).toBe('revoked');
      for (const worker of workers) {
        expect(JSON.parse((await job(worker, user, 'status')).body)).toMatchObject({
          connected: false,
          reason: 'disconnected',
        });
        expect(said(await job(worker, user, 'token'))).toEqual([401, 'ERR_CONNECT_REQUIRED', 'disconnected']);
      }
      // A plain reader asks nobody: it has the old copy until getToken or the guard has found out.
      for (const [worker, visitor] of [
        [web, phone],
        [otherWeb, laptop],
      ] as const) {
        await ask(worker, '/token', visitor);
        expect(await seenBy(worker, visitor)).toEqual(NOTHING);
      }
      expect(await backend.connectionOf(user)).toBeDefined();
      expect(sandbox.calls.refresh).toBe(1);
      expect(told('ended')).toMatchObject([{ reason: 'disconnected' }]);
    },
  );

  test('what is sent for a request, a job, a refresh and an adoption', async () => {
    const { backend, sandbox } = world;
    const phone = await connected();
    // Until a script has run once, Redis has to be sent its text.
    await world.pass(HOUR_MS);
    await jobToken(jobs, user);
    await tokenFrom(web, phone);
    await Promise.all(workers.map(sentBy));
    const sent: Record<string, number> = {};
    async function count(what: string, by: Worker): Promise<void> {
      sent[what] = (await sentBy(by)).length;
    }

    await tokenFrom(web, phone);
    await count('a request that is not due', web);
    await jobToken(jobs, user);
    await count('a job that is not due', jobs);
    await world.pass(HOUR_MS);
    await jobToken(jobs, user);
    await count('a refresh by a job', jobs);
    await jobToken(workers[3], user);
    await count('a job elsewhere, after that', workers[3]);
    await tokenFrom(web, phone);
    await count('a session that is behind, after that', web);
    await world.pass(HOUR_MS);
    await tokenFrom(web, phone);
    await count('a refresh by a session', web);
    await world.pass(HOUR_MS);
    const holds = jobs.holds('save record');
    await jobs.hold('save record');
    const refreshing = jobToken(jobs, user);
    await jobs.held('save record', holds + 1);
    await jobToken(workers[3], user);
    await count('an adoption while the record is not written', workers[3]);
    await jobs.release('save record');
    await refreshing;

    expect(sent).toEqual(SENT[backend.name]);
    expect(sandbox.calls.refresh).toBe(4);
  });

  test('a dump of all that is stored holds no token in plain, base64 or hex', async () => {
    const { sandbox, sessionRedis, backend } = world;
    const sealed = await world.start({ users: 'web', connect: { encryptionKeys: SESSION_KEYS } });
    const phone = await connected(sealed);
    const before = await jobToken(jobs, user);
    await world.pass(HOUR_MS);
    const after = await jobToken(jobs, user);
    expect((await tokenFrom(sealed, phone)).accessToken).toBe(after.accessToken);
    // Also of one that is in the middle of it, and of one that has ended.
    await callbackPath(sandbox, sealed, await device(sealed, user));
    await disconnect(sealed, await connected(sealed));
    const secrets = [before, after].flatMap(({ accessToken, refreshToken }, generation) => [
      { name: `access token ${generation}`, value: accessToken },
      { name: `refresh token ${generation}`, value: refreshToken },
    ]);
    const dump = async (): Promise<string> => (await Promise.all([dumpOf(sessionRedis), backend.dump()])).join('\n');
    expect(await dump()).toContain((await backend.connectionOf(user))?.slice(-40));
    expect(findSecrets(await dump(), secrets)).toEqual([]);
    // The same search finds what a session without encryptionKeys holds.
    const plain = await tokenFrom(web, await connected());
    expect(findSecrets(await dump(), [{ name: 'token', value: plain.accessToken }])).toContain('token (form)');
  });

  test.each([
    ['a sessionKey of its own', { connect: { sessionKey: 'otherToken' } }, 'namespace'],
    ['a client id of its own', { connect: { clientId: 'another client' } }, 'namespace'],
    ['keys of its own', { ledgerKeys: OTHER_KEYS }, 'key'],
  ] as const)('a process with %s is told so, and never "not connected"', async (_what, changes, reason) => {
    const phone = await connected();
    const { accessToken } = await tokenFrom(web, phone);
    const record = await world.backend.connectionOf(user);
    const stranger = await world.start({ users: 'jobs', ...changes });
    const strangeWeb = await world.start({ users: 'web', ...changes });
    const config = [500, 'ERR_CONNECT_CONFIG', reason];
    for (const call of ['token', 'me', 'status', 'disconnect'] as const) {
      expect(said(await job(stranger, user, call))).toEqual(config);
    }
    const laptop = await device(strangeWeb, user);
    expect(said(await ask(strangeWeb, '/token', laptop))).toEqual(config);
    expect(said(await ask(strangeWeb, '/guarded', laptop))).toEqual(config);
    expect(await world.backend.connectionOf(user)).toEqual(record);
    expect((await jobToken(jobs, user)).accessToken).toBe(accessToken);
  });
});
