import { script } from '../../ledger/redis/script';

// A record is a hash of two fields, `record` and `version`, without a time to live.

/**
 * ARGV: new version, record, version to replace; without the last, writes only if there is no record. If the new
 * version is already there, a call whose answer was lost has written it.
 */
export const SAVE = script(
  `local k = KEYS[1]
local held = redis.call('HMGET', k, 'version')[1]
if held == ARGV[1] then return 1 end
if held ~= (ARGV[3] or false) then return 0 end
redis.call('HSET', k, 'record', ARGV[2], 'version', ARGV[1])
return 1`,
);

/** ARGV: version. */
export const REMOVE = script(
  `local k = KEYS[1]
if redis.call('HMGET', k, 'version')[1] ~= ARGV[1] then return 0 end
redis.call('HDEL', k, 'record', 'version')
return 1`,
);
