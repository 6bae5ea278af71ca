import { readdirSync, readFileSync } from 'node:fs';
import type { Browser as Chromium } from 'playwright-core';
import { browser, type Answer, type Browser } from '../../support/app';
import { cleanup } from '../../support/cleanup';
import { sendForm, textOf } from '../../support/demo-forms';
import { describeInChromium, describeInRedis } from '../../support/requires';
import { expectSoundLooks, startChromium } from '../../support/chromium';
import { startRedis } from '../../support/redis-server';
import { addressIn, compileDemo, type CompiledDemo, type Run } from './compiled-demo';

let compiled: CompiledDemo;

beforeAll(() => {
  compiled = compileDemo();
});

describeInRedis('the demo of four processes', (redisServerPath) => {
  let demo: Run;
  let address: string;
  let visitor: Browser;

  beforeAll(async () => {
    demo = compiled.start('cluster', { PORT: '0', REDIS_SERVER_PATH: redisServerPath });
    // Its own end takes Redis and the workers with it; SIGKILL would leave them.
    cleanup(() => {
      demo.child.kill('SIGTERM');
      return demo.exit();
    });
    address = addressIn(await demo.saying(/Ctrl\+C/));
  });

  beforeEach(async () => {
    visitor = browser();
    await connect(address, visitor);
  });

  function press(path: string, fields: Readonly<Record<string, string>> = {}, who = visitor): Promise<Answer> {
    return sendForm(who, address, path, fields);
  }

  /** Presses a button of the connected page, and goes where its answer leads: as often as a browser would. */
  async function follow(path: string, fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
    let answer = await press(path, fields);
    expect([answer.status, answer.location]).toEqual([303, '/connected']);
    while (answer.location !== '') answer = await visitor.visit(address + answer.location);
    return answer;
  }

  /** Number and process id of the worker that made a page. */
  function workerOf(page: Answer): readonly [number, number] {
    const [, number, pid] = /Answered by worker (\d) of 4 \(process (\d+)\)/.exec(textOf(page)) ?? [];
    return [Number(number), Number(pid)];
  }

  test('spreads its pages over four processes, and every one of them knows the visitor', async () => {
    const seen = new Set<number>();
    for (let visit = 0; visit < 40 && seen.size < 4; visit += 1) {
      const page = await visitor.visit(`${address}/connected`);
      expect(page.status).toBe(200);
      seen.add(workerOf(page)[0]);
    }
    expect([...seen].sort()).toEqual([1, 2, 3, 4]);
  });

  test('fifty requests at once are answered by several processes with one token, and the provider is asked once', async () => {
    const text = textOf(await follow('/connected/burst'));
    expect(text).toContain('50 of 50 answered 1 call to the provider 1 new token for all of them');
    const counts = [...text.matchAll(/(\d+) by worker \d/g)].map(([, count]) => Number(count));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(50);
    expect(counts.length).toBeGreaterThan(1);
  });

  test('a worker that is killed from the page is replaced, and the visitor stays connected', async () => {
    const before = await visitor.visit(`${address}/connected`);
    const [number, pid] = workerOf(before);
    const after = await follow('/connected/kill', { worker: String(number) });
    // The page came after the end of the process that it tells.
    expect({ pid, isRunning: isRunning(pid) }).toEqual({ pid, isRunning: false });
    expect(textOf(after)).toContain(`Worker ${number} was killed Process ${pid} is dead`);
    expect(textOf(after)).toContain('Your account is connected');
    expect(textOf(await visitor.visit(`${address}/connected`))).not.toContain('was killed');

    let replacement = 0;
    while (replacement === 0) {
      const [again, newPid] = workerOf(await visitor.visit(`${address}/connected`));
      if (again === number && newPid !== pid) replacement = newPid;
    }
  });

  test('every worker can be killed from any of them, and no visitor sees an error', async () => {
    for (const number of [1, 2, 3, 4]) {
      const page = await follow('/connected/kill', { worker: String(number) });
      const [, pid] = /Process (\d+) is dead/.exec(textOf(page)) ?? [];
      expect({ number, status: page.status, isRunning: isRunning(Number(pid)) }).toEqual({
        number,
        status: 200,
        isRunning: false,
      });
    }
  });

  test.each(['0', '5', '1.5', '', '__proto__'])('no worker %j is killed', async (worker) => {
    expect(textOf(await follow('/connected/kill', { worker }))).not.toContain('was killed');
  });

  test('events are those of one visitor, from all processes; metrics those of everybody', async () => {
    const text = (await visitor.visit(`${address}/metrics`)).body;
    const connected = Number(/connect_events_total\{type="connected"\} (\d+)/.exec(text)?.[1]);
    expect(connected).toBeGreaterThanOrEqual(1);
    const stranger = browser();
    await connect(address, stranger);
    await follow('/connected/expire');
    const events = /newest first\. (.*) End the connection/.exec(
      textOf(await visitor.visit(`${address}/connected`)).replace(/ Try it .* End the/, ' End the'),
    )?.[1];
    expect(events?.replace(/[\d:]{8} |\d+ ms/g, '').replace(/worker \d/g, 'worker N')).toBe(
      'Refreshed token 2 of this connection, after , worker N ' +
        'Connected the sign-in is complete, worker N ' +
        'Code exchanged the provider answered 200 in , worker N',
    );
  });

  describe('users', () => {
    /** A browser of its own in which a user is signed in. */
    async function device(user: string): Promise<Browser> {
      const own = browser();
      await press('/users/sign-in', { user }, own);
      return own;
    }

    /** What the page of the users says, whichever worker makes it. */
    async function lookFourTimes(who: Browser): Promise<readonly string[]> {
      const pages: string[] = [];
      for (let visits = 0; visits < 4; visits += 1) pages.push(textOf(await who.visit(`${address}/users`)));
      return pages;
    }

    test('are connected on every device and by every worker, until they disconnect on one of them', async () => {
      const [phone, laptop] = [await device('ada'), await device('ada')];
      await connect(address, phone);
      const [, since = 'never'] = / Connected since (\S+) /.exec((await lookFourTimes(phone))[0] ?? '') ?? [];
      for (const text of await lookFourTimes(laptop)) expect(text).toContain(` Connected since ${since} `);
      for (let visits = 0; visits < 4; visits += 1)
        expect((await laptop.visit(`${address}/connected`)).status).toBe(200);

      await press('/users/sign-in', { user: 'grace' }, laptop);
      for (const text of await lookFourTimes(laptop))
        expect(text).toContain(' Grace has not connected an account yet. ');
      await press('/users/sign-in', { user: 'ada' }, laptop);

      expect((await press('/users/disconnect', {}, laptop)).location).toBe('/users');
      // First of all: a worker that has looked at the record once knows.
      for (let visits = 0; visits < 4; visits += 1)
        expect((await phone.visit(`${address}/connected/live`)).status).toBe(401);
      for (const who of [phone, laptop]) {
        for (const text of await lookFourTimes(who))
          expect(text).toMatch(/ Not connected since [\d:]{8}: disconnected by the user\. /);
        expect((await who.visit(`${address}/connected`)).location).toBe('/');
      }
    });

    test('have a job that any worker runs', async () => {
      await connect(address, await device('grace'));
      const ran = new Set<string>();
      for (let runs = 0; runs < 20 && ran.size < 2; runs += 1) {
        await press('/users/job', { user: 'grace' });
        const text = textOf(await visitor.visit(`${address}/users`));
        expect(text).toContain(' The nightly job for Grace The API knows Grace as “Sandbox User”. ');
        ran.add(/, in worker (\d)\./.exec(text)?.[1] ?? 'none');
      }
      expect([...ran].filter((worker) => !/^[1-4]$/.test(worker))).toEqual([]);
      expect(ran.size).toBe(2);
    });
  });

  test('leaves no record of a user in a Redis that it has not started', async () => {
    const redis = await startRedis();
    const own = compiled.start('cluster', { PORT: '0', REDIS_URL: redis.url });
    const home = addressIn(await own.saying(/Ctrl\+C/));
    const ada = browser();
    await sendForm(ada, home, '/users/sign-in', { user: 'ada' });
    await connect(home, ada);
    expect(await redis.command('KEYS', '*owner*')).toEqual([
      expect.stringMatching(/^connect-auth-demo:[0-9a-f]{8}:owner:ada$/),
    ]);
    own.child.kill('SIGTERM');
    expect(await own.exit()).toBe(0);
    expect(await redis.command('KEYS', '*owner*')).toEqual([]);
  });

  test('no token stands in the pages or in what is printed', async () => {
    const page = await visitor.visit(`${address}/connected`);
    expect(page.body + demo.output()).not.toMatch(/eyJ|[\w-]{20,}\.[\w-]{20,}|redis:\/\/:/);
  });

  describeInChromium('in a browser', (executablePath) => {
    let chromium: Chromium;
    beforeAll(async () => {
      chromium = await startChromium(executablePath);
    });

    test.each(['light', 'dark'] as const)(
      'its pages are accessible and fit phone and desktop, %s',
      async (colorScheme) => {
        const page = await chromium.newPage({ colorScheme });
        await page.goto(`${address}/connect/authorize`);
        await page.getByRole('button', { name: 'Allow' }).click();
        await page.waitForURL(`${address}/connected`);
        await expect(page.getByText('Answered by worker').isVisible()).resolves.toBe(true);
        await expectSoundLooks(page);
        await page.getByRole('button', { name: 'Send 50 requests' }).click();
        await page.getByText('50 of 50 answered').waitFor();
        await expectSoundLooks(page);
        await page.getByRole('button', { name: /kill/iu }).click();
        await page.getByText(/Worker \d was killed/u).waitFor();
        await expectSoundLooks(page);
        await page.goto(`${address}/errors`);
        await expectSoundLooks(page);
      },
    );
  });

  describeInChromium('its button', (executablePath) => {
    test('names the worker that has answered last, and kills that one', async () => {
      const chromium = await startChromium(executablePath);
      const page = await chromium.newPage();
      await page.goto(`${address}/connect/authorize`);
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.waitForURL(`${address}/connected`);
      const button = page.getByRole('button', { name: /^Kill worker \d$/u });
      const atFirst = await button.innerText();
      await button.filter({ hasNotText: atFirst }).waitFor();
      // Looked at in one moment, and no longer kept up to date from then on.
      await page.route('**/connected/live', (route) => route.abort());
      const [named, answered] = await page.evaluate<readonly string[]>(
        "[document.getElementById('kill').textContent, document.querySelector('[data-worker]').textContent]",
      );
      expect(answered?.replace(/\s+/g, ' ')).toContain(`worker ${named?.replace('Kill worker ', '') ?? ''} of 4`);
      await button.click();
      await page.getByText(`${named?.replace('Kill w', 'W') ?? ''} was killed`).waitFor();
    });
  });

  // What it has started is read from /proc.
  const onLinux = process.platform === 'linux' ? test : test.skip;
  onLinux('nothing is left running when the demo itself is killed', async () => {
    const own = compiled.start('cluster', { PORT: '0', REDIS_SERVER_PATH: redisServerPath });
    await own.saying(/Ctrl\+C/);
    const family = childrenOf(own.child.pid ?? 0);
    expect(family).toHaveLength(5);
    own.child.kill('SIGKILL');
    while (family.some(isRunning)) await new Promise((resolve) => setImmediate(resolve));
  });

  onLinux('SIGTERM ends the demo with every process it has started', async () => {
    const own = compiled.start('cluster', { PORT: '0', REDIS_SERVER_PATH: redisServerPath });
    await own.saying(/Ctrl\+C/);
    const family = childrenOf(own.child.pid ?? 0);
    expect(family).toHaveLength(5);
    own.child.kill('SIGTERM');
    expect(await own.exit()).toBe(0);
    expect(family.filter(isRunning)).toEqual([]);
    expect(own.output()).not.toMatch(/error|\n +at /i);
  });
});

describe('without a redis-server', () => {
  test('the demo says what to install, and ends with 1', async () => {
    const demo = compiled.start('cluster', { PORT: '0', REDIS_SERVER_PATH: '/nowhere/redis-server' });
    expect(await demo.exit()).toBe(1);
    expect(demo.output()).toContain('sudo apt install redis-server');
    expect(demo.output()).toContain('REDIS_URL=redis://localhost:6379 npm run demo:cluster');
  });
});

/** Connects an account: the browser goes to the provider of the demo and presses "Allow". */
async function connect(address: string, visitor: Browser): Promise<void> {
  const started = await visitor.visit(`${address}/connect/authorize`);
  const consent = await (await fetch(started.location)).text();
  const [, id = ''] = /name="consent" value="([^"]*)"/.exec(consent) ?? [];
  const allowed = await fetch(new URL(/action="([^"]*)"/.exec(consent)?.[1] ?? '', started.location), {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ consent: id, decision: 'allow' }),
  });
  await visitor.visit(allowed.headers.get('location') ?? '');
}

/** Process ids of what a process has started. */
function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]) === parent;
      } catch {
        return false;
      }
    });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
