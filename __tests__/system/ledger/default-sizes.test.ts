import { memoryLedger, type LedgerForgotEvent } from '../../../src';

const HOUR = 3_600_000;
const MOST = 100_000;
const claim = { generation: 0, claimant: 'a', leaseMs: HOUR, minAgeMs: 0, retentionMs: HOUR };
const others = { ...claim, claimant: 'b' };

test('memoryLedger keeps 100,000 connections by default, no more', async () => {
  const ledger = memoryLedger();
  // Claims only, all at once: a record each, and nothing more to pay for.
  await Promise.all(Array.from({ length: MOST + 1 }, (_none, number) => ledger.acquire(`key ${number}`, claim)));
  const kinds = await Promise.all(['key 1', `key ${MOST}`, 'key 0'].map((key) => ledger.acquire(key, others)));
  expect(kinds.map(({ kind }) => kind)).toEqual(['wait', 'wait', 'won']);
});

test('memoryLedger remembers 100,000 disconnects by default, and reports the next one', async () => {
  const ledger = memoryLedger();
  const forgotten: Pick<LedgerForgotEvent, 'what' | 'count'>[] = [];
  ledger.onForgotten?.((one) => void forgotten.push(one));
  await Promise.all(Array.from({ length: MOST }, (_none, number) => ledger.revoke(`ended ${number}`, HOUR)));
  expect(forgotten).toEqual([]);
  await ledger.revoke('one more', HOUR);
  expect(forgotten).toEqual([{ what: 'tombstone', count: 1 }]);
});
