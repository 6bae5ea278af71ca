import { script } from './script';

// Times are milliseconds of Redis's own clock. A record is never kept for less time than was promised before.
const CLOCK = `local k = KEYS[1]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function keep(ms)
  if redis.call('PTTL', k) < tonumber(ms) then redis.call('PEXPIRE', k, ms) end
end`;

/**
 * ARGV: generation, claimant, lease, least age, retention. Fields of a record: `st` state, `g` generation, `box`, `at`
 * when it was settled, `sf` fence that settled it, `own` claimant, `fence` claims so far, `dl` deadline, `amb` 1 when
 * ambiguous, `att` failed attempts, `err` word of the last failure, `ref` refusals and `rat` when the first of them came,
 * `end` 1 when a claim is the probe of a dead connection. The last three are not in records of version 0.1.
 */
export const ACQUIRE = script(
  CLOCK,
  `local g, own, lease = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local r = redis.call('HMGET', k, 'st', 'g', 'box', 'at', 'own', 'fence', 'dl', 'amb', 'att', 'err', 'ref', 'end')
local st, rg, box = r[1], tonumber(r[2] or -1), r[3]
local fence, amb, att = tonumber(r[6] or 0), tonumber(r[8] or 0), tonumber(r[9] or 0)
local ref, ended = tonumber(r[11] or 0), tonumber(r[12] or 0)
if st == 'revoked' then return {'revoked'} end
if box then
  local age = math.max(0, now - tonumber(r[4] or 0))
  if rg > g or (rg == g and age < tonumber(ARGV[4])) then return {'adopt', rg, box, age} end
end
local again = false
if rg < g then
  if st then redis.call('HDEL', k, 'box', 'at', 'sf', 'err', 'ref', 'rat', 'end') end
  rg, amb, att, ref, ended = g, 0, 0, 0, 0
else
  local left = tonumber(r[7] or 0) - now
  if left > 0 then
    if st == 'dead' then return {'dead', r[10] or ''} end
    if st == 'backoff' then return {'backoff', left, r[10] or ''} end
    if st == 'pending' then
      again = r[5] == own and rg == g
      if not again then return {'wait', left} end
    end
  elseif st == 'pending' then
    amb = 1
  end
  if rg > g then amb = 1 end
  if st == 'dead' and ended == 0 then
    ended = 1
    redis.call('HSET', k, 'end', 1)
  end
end
if not again then fence = fence + 1 end
redis.call('HSET', k, 'st', 'pending', 'g', rg, 'own', own, 'fence', fence, 'dl', now + lease, 'amb', amb, 'att', att)
keep(ARGV[5])
return {'won', fence, amb, att, ref, ended}`,
);

/** ARGV: claimant, lease. */
export const RENEW = script(
  CLOCK,
  `local r = redis.call('HMGET', k, 'st', 'own')
if r[1] ~= 'pending' or r[2] ~= ARGV[1] then return 0 end
redis.call('HSET', k, 'dl', now + tonumber(ARGV[2]))
keep(ARGV[2])
return 1`,
);

/** ARGV: generation, fence, box, retention. */
export const SETTLE = script(
  CLOCK,
  `local g, fence, box = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local r = redis.call('HMGET', k, 'st', 'g', 'box', 'sf', 'fence')
local st, rg, sf = r[1], tonumber(r[2] or g), tonumber(r[4] or -1)
local last = tonumber(r[5] or 0)
if st == 'revoked' then return {'revoked'} end
local fresh = (st == 'pending' and last == fence) or rg <= g
if fresh then
  rg = math.max(rg, g) + 1
elseif r[3] and (rg > g + 1 or sf > fence) then
  return {'superseded', rg, r[3]}
end
redis.call('HSET', k, 'g', rg, 'box', box, 'sf', fence, 'at', now, 'fence', math.max(last, fence))
if fresh then
  redis.call('HSET', k, 'st', 'idle', 'amb', 0, 'att', 0)
  redis.call('HDEL', k, 'own', 'dl', 'err', 'ref', 'rat', 'end')
end
keep(ARGV[4])
return {'settled', rg}`,
);

/** ARGV: claimant, kind, back-off, word, 1 when ambiguous, retention, time of a dead one, time and tries of refusals. */
export const FAIL = script(
  CLOCK,
  `local r = redis.call('HMGET', k, 'st', 'own', 'amb', 'att', 'ref', 'rat', 'end')
if r[1] ~= 'pending' or r[2] ~= ARGV[1] then return 'lost' end
local over = ARGV[2] == 'terminal'
if ARGV[2] == 'refused' then
  local ref, since = tonumber(r[5] or 0) + 1, tonumber(r[6] or now)
  redis.call('HSET', k, 'ref', ref, 'rat', since)
  over = ref >= tonumber(ARGV[9]) and now - since >= tonumber(ARGV[8])
end
local dead = over or r[7] == '1'
local wait = tonumber(dead and ARGV[7] or ARGV[3])
redis.call('HSET', k, 'st', dead and 'dead' or 'backoff', 'dl', now + wait,
  'amb', math.max(tonumber(r[3] or 0), tonumber(ARGV[5])), 'att', tonumber(r[4] or 0) + 1)
if over or not dead then redis.call('HSET', k, 'err', ARGV[4]) end
redis.call('HDEL', k, 'own')
keep(ARGV[6])
return dead and 'ended' or 'recorded'`,
);

/**
 * ARGV: retention. All fields are deleted, and with the last one the key: a hash that once held a long box would keep
 * taking three times the memory.
 */
export const REVOKE = script(
  CLOCK,
  `local r = redis.call('HMGET', k, 'st', 'end', 'box')
local first = (r[1] == 'revoked' or r[1] == 'dead' or r[2] == '1') and 0 or 1
local left = redis.call('PTTL', k)
redis.call('HDEL', k, 'st', 'g', 'box', 'at', 'sf', 'own', 'fence', 'dl', 'amb', 'att', 'err', 'ref', 'rat', 'end')
redis.call('HSET', k, 'st', 'revoked')
keep(math.max(left, tonumber(ARGV[1])))
if r[3] then return {first, r[3]} end
return {first}`,
);
