--[[
Begins an epoch, or joins the one that another process began: after Redis lost its data, every process says what it
last saw. Until all had time to say so, no capped budget is charged.

KEYS  1 epoch, 2 until when budgets settle; then budgets, then buckets
ARGV  1 now in ms (0: the server's own time), 2 epoch to begin where there is none, 3 ms to settle, 4 budgets, 5 buckets,
      6 epoch in which all this was seen ('': only the ledger knows of it); a budget: total last seen, expiresAtMs; a bucket: parts, ms until it is full
Returns { epoch, used and held of every budget... }

Of those that saw the same epoch, one saw its end: the highest total holds, and what was charged here since comes on top. Who was away
for a whole epoch saw another one, with other sums: both count, since nobody can tell how much is in either.
What the ledger knows (field 'base:') is part of whatever the first of the others saw.
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local settling = tonumber(ARGV[3])
if redis.call('SET', KEYS[1], ARGV[2], 'NX') and settling > 0 then
  redis.call('SET', KEYS[2], string.format('%.0f', now + settling), 'PX', string.format('%.0f', settling * 2))
end
local base = 'base:' .. ARGV[6]
local budgets, buckets = tonumber(ARGV[4]), tonumber(ARGV[5])
for i = 1, budgets do
  local at = 6 + (i - 1) * 2
  local key, seen = KEYS[2 + i], tonumber(ARGV[at + 1])
  local known = tonumber(redis.call('HGET', key, base))
  if not known and ARGV[6] == '' and redis.call('EXISTS', key) == 1 then
    -- Somebody was quicker, who knows more than the ledger.
    known = seen
  elseif not known then
    known = tonumber(redis.call('HGET', key, 'base:') or 0)
    redis.call('HDEL', key, 'base:')
  end
  if seen > known then redis.call('HINCRBY', key, 'used', string.format('%.0f', seen - known)) end
  redis.call('HSET', key, base, string.format('%.0f', math.max(seen, known)))
  redis.call('PEXPIREAT', key, ARGV[at + 2])
end
for i = 1, buckets do
  local at = 6 + budgets * 2 + (i - 1) * 2
  local key = KEYS[2 + budgets + i]
  if redis.call('EXISTS', key) == 0 then
    redis.call('HSET', key, 'parts', ARGV[at + 1], 'at', string.format('%.0f', now))
    redis.call('PEXPIRE', key, ARGV[at + 2])
  end
end
local reply = { redis.call('GET', KEYS[1]) }
for i = 1, budgets do
  local purse = redis.call('HMGET', KEYS[2 + i], 'used', 'held')
  reply[#reply + 1] = tonumber(purse[1] or 0)
  reply[#reply + 1] = tonumber(purse[2] or 0)
end
return reply
