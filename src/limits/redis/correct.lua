--[[
Lowers a bucket to what its provider said is left; never raises it.

KEYS  1 bucket
ARGV  1 now in ms (0: the server's own time), 2 limit, 3 periodMs, 4 burst, 5 tokens left
Returns { parts, atMs }
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local limit, period, burst = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local most = burst * period
local bucket = redis.call('HMGET', KEYS[1], 'parts', 'at')
local level, since = tonumber(bucket[1] or most), tonumber(bucket[2] or now)
if now > since then
  if now - since >= math.ceil((most - level) / limit) then level = most else level = level + (now - since) * limit end
  since = now
end
-- Whole tokens are compared: a provider that tells the same count again says nothing of the part of a token that came since.
local left = tonumber(ARGV[5])
if left < math.floor(level / period) then level = left * period end
redis.call('HSET', KEYS[1], 'parts', string.format('%.0f', level), 'at', string.format('%.0f', since))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.ceil((most - level) / limit) + 60000))
return { level, since }
