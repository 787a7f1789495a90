--[[
Begins an epoch, or joins the one that another process began: after Redis lost its data, or the last of them, every process says
what it last saw. Until all had time to say so, no capped budget is charged.

KEYS  1 epoch, 2 until when budgets settle; then budgets, then buckets
ARGV  1 now in ms (0: the server's own time), 2 epoch to begin where there is none, 3 ms to settle, 4 ms to settle where an epoch was cut short,
      5 budgets, 6 buckets, 7 epoch in which all this was seen ('': only the ledger knows of it); a budget: total last seen, expiresAtMs; a bucket: parts, ms until it is full, limit
Returns { epoch, used and held of every budget... }

Of those that saw the same epoch, one saw its end: the highest total holds, and what was charged here since comes on top. So does a
history that was cut short tell what it saw (see `epoch.lua`). Who was away
for a whole epoch saw another one, with other sums: both count, since nobody can tell how much is in either.
What the ledger knows (field 'base:') is part of whatever the first of the others saw.
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local epoch, cutShort = epochOf(KEYS[1])
if epoch == '' then
  local settling = tonumber(cutShort and ARGV[4] or ARGV[3])
  local mark = history()
  epoch = mark == '' and ARGV[2] or ARGV[2] .. '@' .. mark
  redis.call('SET', KEYS[1], epoch)
  if settling > 0 then redis.call('SET', KEYS[2], whole(now + settling), 'PX', whole(settling * 2)) end
end
local base = 'base:' .. ARGV[7]
local budgets, buckets = tonumber(ARGV[5]), tonumber(ARGV[6])
for i = 1, budgets do
  local at = 7 + (i - 1) * 2
  local key, seen = KEYS[2 + i], tonumber(ARGV[at + 1])
  carryOver(key, epoch)
  local known = tonumber(redis.call('HGET', key, base))
  -- Who knows only the ledger says nothing of a budget that is there: somebody was quicker, who knows more.
  if known or ARGV[7] ~= '' or redis.call('EXISTS', key) == 0 then
    if not known then
      known = tonumber(redis.call('HGET', key, 'base:') or 0)
      redis.call('HDEL', key, 'base:')
    end
    if seen > known then redis.call('HINCRBY', key, 'used', whole(seen - known)) end
    redis.call('HSET', key, base, whole(math.max(seen, known)), 'epoch', epoch)
  end
  redis.call('PEXPIREAT', key, ARGV[at + 2])
end
for i = 1, buckets do
  local at = 7 + budgets * 2 + (i - 1) * 3
  local key, parts = KEYS[2 + budgets + i], tonumber(ARGV[at + 1])
  local bucket = redis.call('HMGET', key, 'parts', 'at', 'epoch')
  if not bucket[1] or bucket[3] and bucket[3] ~= epoch then
    -- A debt that nobody else saw.
    if bucket[1] then parts = math.min(parts, bucket[1] + math.max(0, now - bucket[2]) * tonumber(ARGV[at + 3])) end
    redis.call('HSET', key, 'parts', whole(parts), 'at', whole(now), 'epoch', epoch)
    redis.call('PEXPIRE', key, whole(tonumber(ARGV[at + 2]) + math.ceil((tonumber(ARGV[at + 1]) - parts) / tonumber(ARGV[at + 3]))))
  end
end
local reply = { epoch }
for i = 1, budgets do
  local purse = redis.call('HMGET', KEYS[2 + i], 'used', 'held')
  reply[#reply + 1] = tonumber(purse[1] or 0)
  reply[#reply + 1] = tonumber(purse[2] or 0)
end
return reply
