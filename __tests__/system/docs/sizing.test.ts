import { createClient } from 'redis';
import { redisLedger } from 'express-connect-auth/redis';
import type { ConnectAuthOptions } from 'express-connect-auth';
import { cleanup } from '../../support/cleanup';
import { startRedis, type RedisServer } from '../../support/redis-server';
import { describeInRedis } from '../../support/requires';
import { table } from './markdown';
import { ENCRYPTION_KEYS, deploy, tokenSet, type Deployment } from './sizing';

const DOCUMENT = 'docs/sizing.md';

/** The number that docs/sizing.md prints in a row. */
function printed(header: string, row: string): number {
  return Number(table(DOCUMENT, header).find(([name]) => name === row)?.[1]);
}

/** What docs/sizing.md prints of one request, as `{ get: 3, set: 1 }`. */
function printedCommands(row: string): Readonly<Record<string, number>> {
  const [, store = '', ledger = ''] = table(DOCUMENT, 'one request').find(([name]) => name === row) ?? [];
  const counts: Record<string, number> = {};
  for (const [, count, name = ''] of `${store}, ${ledger}`.matchAll(/(\d+) ([A-Z]+)/gu)) {
    counts[name.toLowerCase()] = (counts[name.toLowerCase()] ?? 0) + Number(count);
  }
  return counts;
}

/** Without those that a script calls inside Redis. EVAL is EVALSHA of a script that Redis does not know yet. */
function sent(commands: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(commands).filter(([name]) => ['get', 'set', 'del', 'expire', 'evalsha'].includes(name)),
  );
}

/** Allocators differ between versions of Redis. */
function expectAbout(actual: number, expected: number): void {
  expect(actual).toBeGreaterThan(expected * 0.9);
  expect(actual).toBeLessThan(expected * 1.1);
}

describeInRedis('docs/sizing.md prints what Redis says:', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });

  async function deployAnew(options?: Partial<ConnectAuthOptions>): Promise<Deployment> {
    await redis.command('FLUSHALL');
    return deploy(redis, options);
  }

  test('the size of a session with a sealed token', async () => {
    const one = await deployAnew({ encryptionKeys: ENCRYPTION_KEYS });
    await one.signIn();
    expectAbout(await one.bytesOf('sess:'), printed('in Redis', 'session document, sealed'));
  });

  test('the size of everything else, and the commands of each kind of request', async () => {
    const one = await deployAnew();
    const visit =
      (status: number, path = '/token') =>
      async (): Promise<void> => {
        expect((await one.visitor.visit(`${one.url}${path}`)).status).toBe(status);
      };
    expect(JSON.stringify(tokenSet())).toHaveLength(1176);
    expect(sent(await one.commandsOf(() => one.signIn()))).toEqual(printedCommands('authorize and callback together'));
    expectAbout(await one.bytesOf('sess:'), printed('in Redis', 'session document, plain'));
    const marks = await one.bytesOfEach('connect-auth:once:');
    expect(marks).toHaveLength(printedCommands('authorize and callback together')['set']! - 3);
    for (const bytes of marks) expectAbout(bytes, printed('in Redis', 'mark of a sign-in'));
    await one.forget('connect-auth:once:');

    const idle = printedCommands('with a token that is not due, or that does not use it');
    expect(sent(await one.commandsOf(visit(200, '/')))).toEqual(idle);
    expect(sent(await one.commandsOf(visit(200)))).toEqual(idle);

    await one.age();
    const aged = await one.document();
    expect(sent(await one.commandsOf(visit(200)))).toEqual(printedCommands('that refreshes'));
    expectAbout(await one.bytesOf('connect-auth:'), printed('in Redis', 'ledger record with a token set'));

    await one.putBack(aged);
    expect(sent(await one.commandsOf(visit(200)))).toEqual(
      printedCommands('that takes over a refresh of the last 5 seconds'),
    );
    await one.putBack(aged);
    await one.settledEarlier(60_000);
    expect(sent(await one.commandsOf(visit(200)))).toEqual(printedCommands('that takes over an older one'));

    expect(
      sent(
        await one.commandsOf(async () => {
          const { status } = await one.visitor.visit(
            `${one.url}/connect/disconnect`,
            { 'sec-fetch-site': 'same-origin' },
            'POST',
          );
          expect(status).toBe(204);
        }),
      ),
    ).toEqual(printedCommands('disconnect'));
    expectAbout(
      await one.bytesOf('connect-auth:'),
      printed('in Redis', 'tombstone, after disconnect or a new sign-in'),
    );
  });

  test('the memory that each of many records, and of many tombstones, takes', async () => {
    await redis.command('FLUSHALL');
    const client = createClient({ url: redis.url });
    client.on('error', () => undefined);
    cleanup(() => client.destroy());
    await client.connect();
    const ledger = redisLedger({
      sendCommand: (...args) => client.sendCommand(args),
      encryptionKeys: ENCRYPTION_KEYS,
      commandTimeoutMs: 5000,
    });
    const usedBytes = async (): Promise<number> =>
      Number(/used_memory:(\d+)/u.exec(String(await redis.command('INFO', 'memory')))?.[1]);
    const before = await usedBytes();
    const box = JSON.stringify({ token: tokenSet(), lifetimeSeconds: 3600.123 });
    const retentionMs = 48 * 3_600_000;
    const keys = Array.from({ length: 2000 }, (_none, index) => String(index).padStart(43, 'k'));
    for (const key of keys) {
      const won = await ledger.acquire(key, {
        generation: 0,
        claimant: 'c'.repeat(22),
        leaseMs: 10_000,
        minAgeMs: 0,
        retentionMs,
      });
      if (won.kind !== 'won') throw new Error(won.kind);
      await ledger.settle(key, { generation: 0, fence: won.fence, box, retentionMs });
    }
    expectAbout(((await usedBytes()) - before) / keys.length, 2540);
    for (const key of keys) await ledger.revoke(key, retentionMs);
    expectAbout(((await usedBytes()) - before) / keys.length, 185);
  });
});
