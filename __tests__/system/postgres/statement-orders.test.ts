import fc from 'fast-check';
import type { RefreshLedger } from '../../../src';
import { postgresConnections, postgresLedger } from '../../../src/postgres';
import { startPgBouncer } from '../../support/pgbouncer';
import { startPostgres } from '../../support/postgres';
import { runs } from '../../support/property';
import { describeInPgBouncer } from '../../support/requires';
import { CLIENTS, poolOf, TABLES, type Query } from './clients';

const encryptionKeys = [{ id: 'one', secret: 'a secret of the ledger with 40 letters..' }];
const RUNS = runs(1729, 100);
const RETENTION_MS = 3_600_000;
const PROCESSES = [0, 1, 2];

describeInPgBouncer('the statements of three processes, in whatever order they come', () => {
  let query: Query;
  let keys = 0;
  beforeAll(async () => {
    const server = await startPostgres();
    await poolOf(server.connection).query(TABLES);
    query = CLIENTS['pg']!(await startPgBouncer(server));
  });

  /** What each process does, one statement of all of them at a time, the next by the seed. */
  async function all<Answer>(
    scheduler: fc.Scheduler,
    works: readonly ((query: Query) => Promise<Answer>)[],
  ): Promise<readonly Answer[]> {
    const inTurn = scheduler.scheduleFunction((text: string, values: string[]) => Promise.resolve(query(text, values)));
    // What is swept is over; nobody waits for it, and nobody here either.
    const by: Query = (text, values) => (text.startsWith('DELETE') ? query(text, values) : inTurn(text, values));
    return scheduler.waitFor(Promise.all(works.map((work) => work(by))));
  }
  const ledgerOn = (by: Query) => postgresLedger({ query: by, encryptionKeys, queryTimeoutMs: 5000 });
  const storeOn = (by: Query) => postgresConnections({ query: by, encryptionKeys, queryTimeoutMs: 5000 });
  const newKey = (): string => `key ${(keys += 1)}`;

  test('a refresh is won once, and what a disconnect has ended is not settled', async () => {
    let [settledFirst, revokedFirst] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const key = newKey();
        const refresh = (at: number) => async (by: Query) => {
          const ledger = ledgerOn(by);
          const claim = { generation: 0, claimant: `process ${at}`, leaseMs: 60_000, minAgeMs: 0 };
          const claimed = await ledger.acquire(key, { ...claim, retentionMs: RETENTION_MS });
          if (claimed.kind !== 'won') return { claimed };
          const { fence } = claimed;
          const success = { generation: 0, fence, box: `box of ${at}`, retentionMs: RETENTION_MS };
          return { claimed, settled: (await ledger.settle(key, success)).kind, box: success.box };
        };
        let end: Awaited<ReturnType<RefreshLedger['revoke']>> | undefined;
        const disconnect = async (by: Query): Promise<undefined> => {
          end = await ledgerOn(by).revoke(key, RETENTION_MS);
        };
        const answers = await all<Awaited<ReturnType<ReturnType<typeof refresh>>> | undefined>(scheduler, [
          ...PROCESSES.map(refresh),
          disconnect,
        ]);

        const winners = answers.filter((answer) => answer?.claimed.kind === 'won');
        expect(winners.length).toBeLessThanOrEqual(1);
        expect(end?.first).toBe(true);
        const [winner] = winners;
        if (winner?.settled === 'settled') settledFirst += 1;
        else revokedFirst += 1;
        expect(end?.box).toBe(winner?.settled === 'settled' ? winner.box : undefined);
        const late = await refresh(3)(query);
        expect(late.claimed.kind).toBe('revoked');
      }),
      RUNS,
    );
    // The seeds get everywhere.
    expect(Math.min(settledFirst, revokedFirst)).toBeGreaterThan(RUNS.numRuns / 20);
  });

  test('a name is claimed once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const name = newKey();
        const answers = await all(
          scheduler,
          PROCESSES.map(() => (by: Query) => ledgerOn(by).once(name, RETENTION_MS)),
        );
        expect(answers.filter(Boolean)).toEqual([true]);
      }),
      RUNS,
    );
  });

  test('of the saves of a connection one wins, whether it is the first or replaces one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.boolean(), async (scheduler, replaces) => {
        const owner = newKey();
        const store = storeOn(query);
        const before = replaces ? await store.save(owner, 'before', undefined) : undefined;
        const versions = await all(
          scheduler,
          PROCESSES.map((at) => (by: Query) => storeOn(by).save(owner, `record ${at}`, before)),
        );
        const winners = PROCESSES.filter((at) => versions[at] !== undefined);
        expect(winners).toHaveLength(1);
        const [winner = -1] = winners;
        expect(await store.load(owner)).toEqual({ record: `record ${winner}`, version: versions[winner] });
      }),
      RUNS,
    );
  });
});
