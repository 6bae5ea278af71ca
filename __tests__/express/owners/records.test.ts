import { isConnectError, memoryConnections, type ConnectAuthOptions, type ConnectionStore } from '../../../src';
import { connectAuth } from '../../../src';
import { redisConnections } from '../../../src/redis';
import type { Sandbox } from '../../../src/testing';
import { tokenIn, type Time } from '../../support/refreshing';
import { givenUsers, userApp, type Shared } from '../../support/users';

let sandbox: Sandbox;
let time: Time;
let shared: Shared;
givenUsers((...given) => {
  [sandbox, time, shared] = given;
});

const key = (id: string): { id: string; secret: string } => ({
  id,
  secret: `a secret of key ${id}, long enough for anybody`,
});

async function refusal(call: Promise<unknown>): Promise<unknown> {
  const error: unknown = await call.then(
    () => 'it resolved',
    (thrown: unknown) => thrown,
  );
  return isConnectError(error) ? [error.code, error.reason] : error;
}

/** A store of an app's own, which brings no keys. */
function ownStore(): ConnectionStore {
  const { load, save, remove } = memoryConnections();
  return { load, save, remove };
}

test('a dump of the store names users, and holds no token in any form', async () => {
  const web = await userApp(sandbox, shared);
  const phone = await web.device('ada@example.com');
  await phone.connect();
  const first = tokenIn(await phone.fresh());
  time.pass(3_600_000);
  const second = tokenIn(await phone.fresh());
  const dump = shared.dump();
  expect(dump.split('\n')).toHaveLength(2);
  expect(dump).toMatch(/^ada@example\.com v2\./u);
  for (const token of [first, second].flatMap((set) => [set.access_token, set.refresh_token])) {
    for (const form of ['utf8', 'base64', 'base64url', 'hex'] as const) {
      expect(dump).not.toContain(Buffer.from(token).toString(form).replaceAll('=', ''));
    }
  }
});

test('a record that is copied to another user does not open, and passes for nothing', async () => {
  const web = await userApp(sandbox, shared);
  await (await web.device('ada')).connect();
  const found = await shared.connections.load('ada');
  await shared.connections.save('eve', found?.record ?? '', undefined);
  const thief = await web.device('eve');
  expect(await refusal(web.connect.of('eve').getToken())).toEqual(['ERR_CONNECT_CONFIG', 'key']);
  expect(await refusal(web.connect.of('eve').status())).toEqual(['ERR_CONNECT_CONFIG', 'key']);
  expect((await thief.guarded()).status).toBe(500);
  expect((await thief.connect()).status).toBe(500);
  await expect(shared.connections.load('eve')).resolves.toMatchObject({ record: found?.record });
});

const OTHERS: readonly (readonly [string, Partial<ConnectAuthOptions>, string])[] = [
  ['another sessionKey', { sessionKey: 'otherToken' }, 'namespace'],
  ['another client id', { clientId: 'another-client' }, 'namespace'],
  ['another token URL', { tokenUrl: 'https://example.com/token' }, 'namespace'],
  ['other keys', { encryptionKeys: [key('k2')] }, 'key'],
  ['another secret under the same id', { encryptionKeys: [{ id: 'k1', secret: key('k9').secret }] }, 'key'],
];

test.each(OTHERS)('a process with %s is told so, and changes nothing', async (_what, options, reason) => {
  const connections = ownStore();
  const parts = { connections, encryptionKeys: [key('k1')] };
  const web = await userApp(sandbox, shared, { options: parts });
  const worker = await userApp(sandbox, shared, { options: { ...parts, ...options } });
  await (await web.device('ada')).connect();
  const before = await connections.load('ada');
  const { getToken, status, disconnect } = worker.connect.of('ada');
  for (const call of [getToken(), status(), disconnect(), worker.connect.of('ada').import({ access_token: 'a' })]) {
    expect(await refusal(call)).toEqual(['ERR_CONNECT_CONFIG', reason]);
  }
  await expect(connections.load('ada')).resolves.toEqual(before);
});

test.each([['nothing of ours'], [''], ['v2.k1.a.b'], ['v1.k1.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAA'], ['{}']])(
  'what is no record (%p) never passes for "not connected"',
  async (text) => {
    const web = await userApp(sandbox, shared);
    await shared.connections.save('ada', text, undefined);
    expect(await refusal(web.connect.of('ada').status())).toEqual(['ERR_CONNECT_CONFIG', 'record']);
  },
);

test.each([
  ['no version', { record: 'r' }],
  ['a number as version', { record: 'r', version: 1 }],
  ['text alone', 'r'],
])('a store whose load() gives %s is told what it must give', async (_what, answer) => {
  const connections = { ...ownStore(), load: () => Promise.resolve(answer) } as unknown as ConnectionStore;
  const web = await userApp(sandbox, shared, { options: { connections, encryptionKeys: [key('k1')] } });
  await expect(web.connect.of('ada').status()).rejects.toMatchObject({
    code: 'ERR_CONNECT_STORE',
    reason: 'answer',
    message: expect.stringContaining('{ record, version }') as string,
  });
});

test('what an old key has sealed is sealed anew when it is loaded, so that the old key can go', async () => {
  const connections = ownStore();
  const withKeys = (...ids: string[]): Promise<Awaited<ReturnType<typeof userApp>>> =>
    userApp(sandbox, shared, { options: { connections, encryptionKeys: ids.map(key) } });
  const [before, during, after] = [await withKeys('k1'), await withKeys('k2', 'k1'), await withKeys('k2')];
  await (await before.device('ada')).connect();
  const { access_token } = await before.connect.of('ada').getToken();
  expect(await refusal(after.connect.of('ada').getToken())).toEqual(['ERR_CONNECT_CONFIG', 'key']);
  await during.connect.of('ada').status();
  await expect(after.connect.of('ada').getToken()).resolves.toMatchObject({ access_token });
});

test('two processes that seal a record anew at the same time leave one that both can read', async () => {
  const connections = ownStore();
  const withKeys = (...ids: string[]): Promise<Awaited<ReturnType<typeof userApp>>> =>
    userApp(sandbox, shared, { options: { connections, encryptionKeys: ids.map(key) } });
  const before = await withKeys('k1');
  await (await before.device('ada')).connect();
  const during = [await withKeys('k2', 'k1'), await withKeys('k2', 'k1')];
  const found = await Promise.all(during.map(({ connect }) => connect.of('ada').status()));
  expect(found.map(({ connected }) => connected)).toEqual([true, true]);
  await expect(during[1]?.connect.of('ada').status()).resolves.toMatchObject({ connected: true });
});

test('a store whose save() gives something else than a version is told what it must give', async () => {
  const connections = { ...ownStore(), save: () => Promise.resolve(7) } as unknown as ConnectionStore;
  const web = await userApp(sandbox, shared, { options: { connections, encryptionKeys: [key('k1')] } });
  await expect(web.connect.of('ada').import({ access_token: 'a' })).rejects.toMatchObject({
    code: 'ERR_CONNECT_STORE',
    reason: 'answer',
  });
});

test('what redisConnections() says of its trouble reaches the app', async () => {
  const encryptionKeys = [key('k1')];
  const slow = redisConnections({
    sendCommand: () => new Promise(() => undefined),
    commandTimeoutMs: 50,
    encryptionKeys,
  });
  const odd = redisConnections({ sendCommand: () => Promise.resolve('OK'), encryptionKeys });
  const web1 = await userApp(sandbox, shared, { options: { connections: slow } });
  const web2 = await userApp(sandbox, shared, { options: { connections: odd } });
  expect(await refusal(web1.connect.of('ada').status())).toEqual(['ERR_CONNECT_STORE', 'timeout']);
  expect(await refusal(web2.connect.of('ada').status())).toEqual(['ERR_CONNECT_STORE', 'answer']);
});

describe('start-up', () => {
  const required = { clientId: 'id', clientSecret: 'secret', redirectUri: 'https://example.com/connect/callback' };
  const encryptionKeys = [key('k1')];

  test('refuses a store that outlives the process without a ledger', () => {
    expect(() => connectAuth({ ...required, connections: ownStore(), encryptionKeys })).toThrow(
      /ledger \(pass one, such as redisLedger\(\): this connection store outlives the process/u,
    );
    expect(() => connectAuth({ ...required, connections: memoryConnections() })).not.toThrow();
  });

  test('refuses a store without any keys', () => {
    const { ledger } = shared;
    expect(() => connectAuth({ ...required, connections: ownStore(), ledger })).toThrow(
      /encryptionKeys \(connections/u,
    );
    expect(() => connectAuth({ ...required, connections: ownStore(), ledger, encryptionKeys })).not.toThrow();
  });

  test.each([{}, { load: 1 }, 'redis', { ...memoryConnections(), encryptionKeys: 'secret' }])('refuses %p', (value) => {
    const connections = value as unknown as ConnectionStore;
    expect(() => connectAuth({ ...required, connections })).toThrow(/connections \(expected/u);
  });

  test('refuses an owner that is no function', () => {
    expect(() => connectAuth({ ...required, owner: 'ada' as unknown as () => string })).toThrow(
      /owner \(expected a function/u,
    );
  });

  test('keeps connections in memory where nothing else is said, and says so once', async () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const apps = [connectAuth({ ...required, owner: () => 'ada' }), connectAuth({ ...required, owner: () => 'ada' })];
    await expect(apps[0]?.of('ada').import({ access_token: 'a', scope: 'read' })).resolves.toBe(true);
    await expect(apps[0]?.of('ada').status()).resolves.toEqual({
      connected: true,
      since: expect.any(Date) as Date,
      scope: 'read',
    });
    await expect(apps[1]?.of('ada').status()).resolves.toEqual({ connected: false });
    const warnings = warn.mock.calls.map(([, options]) => (options as unknown as { code: string }).code);
    warn.mockRestore();
    expect(warnings).toEqual(['CONNECT_AUTH_MEMORY_CONNECTIONS']);
  });
});
