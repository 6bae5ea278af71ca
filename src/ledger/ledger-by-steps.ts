import { ownOnly } from '../base/own';
import type { RefreshLedger } from './ledger';
import { acquireStep, failStep, onceStep, renewStep, revokeStep, settleStep } from './record';
import { keyOfName, replace } from './replace';
import { openBox, type Boxes } from './sealed-box';
import type { UpdateRecord } from './update';

/** A ledger in which each operation is one pure step on one record, carried out by `update`. */
export function ledgerBySteps(update: UpdateRecord, boxes: Boxes): RefreshLedger {
  return Object.freeze<RefreshLedger>({
    async acquire(key, claim) {
      const answer = await replace(update, {
        key,
        keepMs: claim.retentionMs,
        rule: (record, nowMs) => acquireStep(record, claim, nowMs),
      });
      return answer.kind === 'adopt' ? { ...answer, box: openBox(boxes, answer.box, key) } : answer;
    },
    renew: (key, claimant, leaseMs) =>
      replace(update, { key, keepMs: leaseMs, rule: (record, nowMs) => renewStep(record, claimant, nowMs + leaseMs) }),
    async settle(key, success) {
      const sealed = { ...success, box: boxes.seal(success.box, key) };
      const answer = await replace(update, {
        key,
        keepMs: success.retentionMs,
        rule: (record, nowMs) => settleStep(record, sealed, nowMs),
      });
      return answer.kind === 'superseded' ? { ...answer, box: openBox(boxes, answer.box, key) } : answer;
    },
    fail: (key, failure) =>
      replace(update, {
        key,
        keepMs: failure.retentionMs,
        rule: (record, nowMs) => failStep(record, failure, nowMs),
      }),
    async revoke(key, retentionMs) {
      const { first, box: kept } = ownOnly(await replace(update, { key, keepMs: retentionMs, rule: revokeStep }));
      // The connection has ended even if nobody can read its token set.
      const box = kept === undefined ? undefined : boxes.open(kept, key);
      return box === undefined ? { first } : { first, box };
    },
    once: (name, ttlMs) => replace(update, { key: keyOfName(name), keepMs: ttlMs, rule: onceStep }),
  });
}
