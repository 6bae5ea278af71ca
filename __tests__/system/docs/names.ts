import type { ConnectErrorCode } from '../../../src';
import { CODES } from '../../../src/errors/codes';
import { namesIn } from './markdown';

/** What the code names, and the documents must name as well. */
export const ERROR_CODES = Object.keys(CODES) as readonly ConnectErrorCode[];
export const OPTIONS = namesIn(
  'options/options.ts',
  /interface ConnectAuthOptions \{(.*?)\n\}/su,
  /^ {2}readonly (\w+)\??:/gmu,
);
export const REDIS_OPTIONS = namesIn(
  'ledger/redis/options.ts',
  /interface RedisLedgerOptions \{(.*?)\n\}/su,
  /^ {2}readonly (\w+)\??:/gmu,
);
export const MEMORY_SIZES = namesIn(
  'ledger/memory-ledger.ts',
  /interface MemoryLedgerOptions \{(.*?)\n\}/su,
  /^ {2}readonly (max\w+)\?:/gmu,
);
export const EVENT_TYPES = namesIn('errors/events.ts', /^(.*)$/su, /^ {2}readonly type: '(\w+)';/gmu);
export const END_REASONS = namesIn('errors/events.ts', /type EndedReason =(.*?);/su, /\| '(\w+)'/gu);
export const FAILURE_KINDS = namesIn('errors/events.ts', /type RefreshFailureKind =(.*?);/su, /\| '(\w+)'/gu);
