import {
  DEAD_PROBE_MS,
  REFUSED_FOR_MS,
  REFUSED_TRIES,
  type Acquired,
  type Failed,
  type RefreshLedger,
  type Settled,
} from '../ledger';
import { ledgerError } from '../ledger-error';
import { openBox, sealedBoxes } from '../sealed-box';
import { redisCommands, unreadable, type Caller } from './commands';
import { redisLedgerConfig, type RedisLedgerOptions } from './options';
import { ACQUIRE, FAIL, RENEW, REVOKE, SETTLE } from './scripts';

const LEDGER: Caller = {
  name: 'redisLedger',
  sends: 'EVALSHA, EVAL, SET',
  error: (fault, message) => ledgerError(fault === 'failed' ? 'refused' : fault, message),
};

/**
 * Coordinates the refreshes of all processes that share a Redis (5.0 or newer, Cluster and Valkey too): one hash per
 * connection, one round trip per operation, token sets sealed with AES-256-GCM. An operation rejects within
 * `commandTimeoutMs` if Redis does not carry it out, or if it finds a token set that no key opens. Redis must not evict
 * these keys before their time: use `maxmemory-policy noeviction`, or a separate Redis for them.
 * @throws ConnectError `ERR_CONNECT_OPTIONS` naming every option that is not usable
 * @example
 * const ledger = redisLedger({ sendCommand: (...args) => redis.sendCommand(args), encryptionKeys });
 * app.use(connectAuth({ ...connectOptionsFromEnv(), ledger }));
 */
export function redisLedger(options: RedisLedgerOptions): RefreshLedger {
  const config = redisLedgerConfig(options);
  const boxes = sealedBoxes(config.encryptionKeys);
  const { run, take } = redisCommands(config, LEDGER);
  const name = (key: string): string => `${config.prefix}${key}`;

  return Object.freeze<RefreshLedger>({
    acquire: async (key, { generation, claimant, leaseMs, minAgeMs, retentionMs }) => {
      const [kind = '', ...rest] = await run(ACQUIRE, name(key), [
        generation,
        claimant,
        leaseMs,
        minAgeMs,
        retentionMs,
      ]);
      return acquired(kind, rest, key);
    },
    renew: async (key, claimant, leaseMs) => flag(await run(RENEW, name(key), [claimant, leaseMs])),
    settle: async (key, { generation, fence, box, retentionMs }) => {
      const [kind = '', at = '', other = ''] = await run(SETTLE, name(key), [
        generation,
        fence,
        boxes.seal(box, key),
        retentionMs,
      ]);
      return settled(kind, [at, other], key);
    },
    fail: async (key, { claimant, kind, backoffMs, error, ambiguous, retentionMs }) => {
      const rules = [DEAD_PROBE_MS, REFUSED_FOR_MS, REFUSED_TRIES];
      return failed(
        await run(FAIL, name(key), [claimant, kind, backoffMs, error, ambiguous ? 1 : 0, retentionMs, ...rules]),
      );
    },
    revoke: async (key, retentionMs) => {
      const [first = '', sealed] = await run(REVOKE, name(key), [retentionMs]);
      // The connection has ended even if nobody can read its token set.
      const box = sealed === undefined ? undefined : boxes.open(sealed, key);
      return box === undefined ? { first: flag([first]) } : { first: flag([first]), box };
    },
    once: (word, ttlMs) => take(name(`once:${word}`), ttlMs),
  });

  function acquired(kind: string, rest: readonly string[], key: string): Acquired {
    const [first = '', second = '', third = '', refusals = '', ended = ''] = rest;
    switch (kind) {
      case 'revoked':
        return { kind };
      case 'adopt':
        return { kind, generation: whole(first), box: openBox(boxes, second, key), ageMs: whole(third) };
      case 'dead':
        return { kind, error: first };
      case 'wait':
        return { kind, ms: whole(first) };
      case 'backoff':
        return { kind, ms: whole(first), error: second };
      case 'won':
        return {
          kind,
          fence: whole(first),
          ambiguous: second === '1',
          attempts: whole(third),
          refusals: whole(refusals),
          ended: ended === '1',
        };
      default:
        throw unreadable(LEDGER);
    }
  }

  function settled(kind: string, [generation, box]: readonly [string, string], key: string): Settled {
    switch (kind) {
      case 'revoked':
        return { kind };
      case 'settled':
        return { kind, generation: whole(generation) };
      case 'superseded':
        return { kind, generation: whole(generation), box: openBox(boxes, box, key) };
      default:
        throw unreadable(LEDGER);
    }
  }
}

function failed([answer]: readonly string[]): Failed {
  if (answer !== 'recorded' && answer !== 'ended' && answer !== 'lost') throw unreadable(LEDGER);
  return answer;
}

function flag([value]: readonly string[]): boolean {
  if (value !== '0' && value !== '1') throw unreadable(LEDGER);
  return value === '1';
}

function whole(value: string): number {
  if (!/^\d{1,16}$/u.test(value)) throw unreadable(LEDGER);
  return Number(value);
}
