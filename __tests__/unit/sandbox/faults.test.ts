import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { createGunzip, gunzipSync } from 'node:zlib';
import type { Sandbox, SandboxFault } from 'express-connect-auth/testing';
import { startSandbox } from '../../support/sandbox';
import { api, exchange, refresh, REDIRECT_URI, signIn } from '../../support/sandbox-client';

// Hundreds of megabytes pass through here: give a busy machine time.

let sandbox: Sandbox;
beforeEach(async () => (sandbox = await startSandbox()));

/** An exchange whose answer the test reads by itself. */
async function openExchange(): Promise<IncomingMessage> {
  const { clientId, clientSecret, tokenUrl } = sandbox.connectOptions;
  const sent = request(tokenUrl, { method: 'POST', headers: { 'Content-Type': 'application/json' }, agent: false });
  sent.on('error', () => undefined);
  sent.end(
    JSON.stringify({
      grant_type: 'authorization_code',
      code: 'x',
      redirect_uri: REDIRECT_URI,
      client_id: clientId,
      client_secret: clientSecret,
    }),
  );
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

async function wholeBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'answered',
    (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'failed',
  );
}

describe('hold', () => {
  test('"before" keeps the code unspent until release()', async () => {
    const { code } = await signIn(sandbox);
    sandbox.fault({ kind: 'hold', when: 'before' });
    const held = exchange(sandbox, { code });
    await sandbox.waiting();
    const other = await exchange(sandbox, { code });
    sandbox.release();
    expect([other.status, (await held).status]).toEqual([200, 400]);
  });

  test('"after" has the code spent, and the answer waits', async () => {
    const { code } = await signIn(sandbox);
    sandbox.fault({ kind: 'hold', when: 'after' });
    const held = exchange(sandbox, { code });
    await sandbox.waiting(1);
    const other = await exchange(sandbox, { code });
    sandbox.release();
    expect([other.status, (await held).status]).toEqual([400, 200]);
  });

  test('waiting(n) resolves with the n-th held call', async () => {
    sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'api', times: 3 });
    const reached: number[] = [];
    const watchers = [2, 3].map((count) => sandbox.waiting(count).then(() => reached.push(count)));
    const first = [api(sandbox, '/me'), api(sandbox, '/me')];
    await watchers[0];
    expect(reached).toEqual([2]);
    const last = api(sandbox, '/me');
    await Promise.all(watchers);
    sandbox.release();
    const statuses = (await Promise.all([...first, last])).map(({ status }) => status);
    expect(statuses).toEqual([401, 401, 401]);
    expect(reached).toEqual([2, 3]);
  });

  test('waiting() fails when the sandbox is closed meanwhile, and the held call ends', async () => {
    sandbox.fault({ kind: 'hold', when: 'after' }, { on: 'refresh' });
    const held = outcome(refresh(sandbox, 'x'));
    await sandbox.waiting();
    const waiting = sandbox.waiting(2);
    await Promise.all([sandbox.close(), expect(waiting).rejects.toThrow('closed before')]);
    expect(await held).toBe('ECONNRESET');
  });

  test('a held call outlives its client and acts at release()', async () => {
    const { code } = await signIn(sandbox);
    sandbox.fault({ kind: 'hold', when: 'before' });
    const { clientId, clientSecret, tokenUrl } = sandbox.connectOptions;
    const sent = request(tokenUrl, { method: 'POST', headers: { 'Content-Type': 'application/json' }, agent: false });
    sent.on('error', () => undefined);
    sent.end(
      JSON.stringify({
        grant_type: 'authorization_code',
        code,
        redirect_uri: REDIRECT_URI,
        client_id: clientId,
        client_secret: clientSecret,
      }),
    );
    await sandbox.waiting();
    sent.destroy();
    await api(sandbox, '/me');
    await sandbox.waiting();
    sandbox.release();
    expect((await exchange(sandbox, { code })).body.error).toBe('invalid_grant');
  });
});

test.each(['delayBefore', 'delayAfter'] as const)('%s answers truly, later', async (kind) => {
  const { code } = await signIn(sandbox);
  sandbox.fault({ kind, ms: 60 });
  const startedAt = performance.now();
  expect((await exchange(sandbox, { code })).status).toBe(200);
  expect(performance.now() - startedAt).toBeGreaterThan(55);
});

test('a delay ends when the sandbox closes', async () => {
  sandbox.fault({ kind: 'delayAfter', ms: 3_600_000 });
  sandbox.fault({ kind: 'hold', when: 'before' }, { on: 'api' });
  const delayed = outcome(exchange(sandbox, { code: 'x' }));
  const held = outcome(api(sandbox, '/me'));
  await sandbox.waiting();
  await sandbox.close();
  expect(await Promise.all([delayed, held])).toEqual(['ECONNRESET', 'ECONNRESET']);
});

test('reset cuts the connection', async () => {
  sandbox.fault({ kind: 'reset' });
  expect(await outcome(exchange(sandbox, { code: 'x' }))).toBe('ECONNRESET');
});

test('silence sends no byte until the sandbox closes', async () => {
  sandbox.fault({ kind: 'silence' }, { on: 'refresh' });
  const silent = outcome(refresh(sandbox, 'x'));
  expect(await Promise.race([silent, exchange(sandbox, { code: 'x' })])).toMatchObject({ status: 400 });
  await sandbox.close();
  expect(await silent).toBe('ECONNRESET');
});

test('truncated sends the first half of a token answer', async () => {
  sandbox.fault({ kind: 'truncated' });
  const { status, text } = await exchange(sandbox, { code: 'x' });
  expect([status, text]).toEqual([200, '{"access_token":"not-a-token-of']);
});

test.each<SandboxFault>([{ kind: 'endless' }, { kind: 'drip' }])(
  '$kind sends on and on, and ends with its client',
  async (fault) => {
    sandbox.fault(fault);
    const response = await openExchange();
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (fault.kind === 'drip' ? bytes >= 3 : bytes > 20_000_000) break;
    }
    expect(response.headers['content-type']).toBe('application/json');
    expect(response.complete).toBe(false);
  },
);

test.each<SandboxFault>([{ kind: 'endless' }, { kind: 'drip' }])(
  '$kind ends when the sandbox closes',
  async (fault) => {
    sandbox.fault(fault);
    const response = await openExchange();
    const ended = outcome(wholeBody(response));
    await once(response, 'data');
    await sandbox.close();
    expect(await ended).toBe('ECONNRESET');
  },
);

test('gzipBomb is 200 KB that unpack to 200 MB', async () => {
  sandbox.fault({ kind: 'gzipBomb' });
  const response = await openExchange();
  const packed = await wholeBody(response);
  expect(response.headers['content-encoding']).toBe('gzip');
  expect(packed.length).toBeLessThan(250_000);
  let unpackedBytes = 0;
  const unpacked = createGunzip();
  unpacked.end(packed);
  for await (const chunk of unpacked as AsyncIterable<Buffer>) unpackedBytes += chunk.length;
  expect(unpackedBytes).toBe(200_000_000);
});

test('corruptGzip does not unpack', async () => {
  sandbox.fault({ kind: 'corruptGzip' });
  const response = await openExchange();
  const packed = await wholeBody(response);
  expect(response.headers['content-encoding']).toBe('gzip');
  expect(() => gunzipSync(packed)).toThrow('invalid');
});

test('large is 50 MB of valid JSON', async () => {
  sandbox.fault({ kind: 'large' });
  const body = await wholeBody(await openExchange());
  expect(body.length).toBeGreaterThan(50_000_000);
  expect(JSON.parse(body.toString())).toEqual({ access_token: 'not-a-token-of-this-sandbox', type: 'bearer' });
});

test.each([undefined, '120'])('html503 is a page, with Retry-After %p', async (retryAfter) => {
  sandbox.fault({ kind: 'html503', ...(retryAfter === undefined ? {} : { retryAfter }) });
  const { status, headers, text } = await exchange(sandbox, { code: 'x' });
  expect({ status, contentType: headers['content-type'], retryAfter: headers['retry-after'] }).toEqual({
    status: 503,
    contentType: 'text/html; charset=utf-8',
    retryAfter,
  });
  expect(text).toContain('<h1>Service Unavailable</h1>');
});

test.each([301, 302, 303, 307, 308] as const)('redirect sends %i elsewhere', async (status) => {
  sandbox.fault({ kind: 'redirect', status, location: 'http://localhost:1/token' });
  const reply = await exchange(sandbox, { code: 'x' });
  expect({ status: reply.status, location: reply.headers.location, text: reply.text }).toEqual({
    status,
    location: 'http://localhost:1/token',
    text: '',
  });
});

describe('a fault', () => {
  test('that replaces the answer does not spend the code', async () => {
    const { code } = await signIn(sandbox);
    sandbox.fault({ kind: 'reset' });
    expect(await outcome(exchange(sandbox, { code }))).toBe('ECONNRESET');
    expect((await exchange(sandbox, { code })).status).toBe(200);
    expect(sandbox.presentations(code)).toBe(2);
  });

  test('with commit: true spends it, and loses the true answer', async () => {
    const { code } = await signIn(sandbox);
    sandbox.fault({ kind: 'truncated' }, { commit: true });
    expect((await exchange(sandbox, { code })).text).toMatch(/^\{"access_token":"eyJ/);
    expect((await exchange(sandbox, { code })).body.error).toBe('invalid_grant');
  });

  test('hits its endpoint only, as often as planned', async () => {
    sandbox.fault({ kind: 'html503' }, { on: 'api', times: 2 });
    expect((await exchange(sandbox, { code: 'x' })).status).toBe(400);
    const statuses = [await api(sandbox, '/me'), await api(sandbox, '/me'), await api(sandbox, '/me')].map(
      ({ status }) => status,
    );
    expect(statuses).toEqual([503, 503, 401]);
  });

  test('goes together with a forced code', async () => {
    sandbox.force(503);
    sandbox.fault({ kind: 'hold', when: 'after' });
    const held = exchange(sandbox, { code: 'x' });
    await sandbox.waiting();
    sandbox.release();
    expect((await held).status).toBe(503);
  });
});
