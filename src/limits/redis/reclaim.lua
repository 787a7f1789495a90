--[[
Counts as used what a dead process had set aside, and frees its slots. The caller has written its open reservations, and what
it settled without writing it, to the ledger first.

KEYS  1 processes by the time of their last beat, 2 open reservations of the dead, 3 keys that it touched, 4 what it settled and the ledger lacked;
      then those keys
ARGV  1 now in ms (0: the server's own time), 2 the dead process, 3 ms after which silence means death
Returns 1 if it was dead and is now settled; 0 if it lives after all
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local last = redis.call('ZSCORE', KEYS[1], ARGV[2])
if last and tonumber(last) >= now - tonumber(ARGV[3]) then return 0 end
local field = 'p:' .. ARGV[2]
for i = 5, #KEYS do
  local amount = redis.call('HGET', KEYS[i], field)
  if amount then
    if redis.call('HEXISTS', KEYS[i], 'total') == 1 then
      redis.call('HINCRBY', KEYS[i], 'total', string.format('%.0f', 0 - tonumber(amount)))
    else
      redis.call('HINCRBY', KEYS[i], 'held', string.format('%.0f', 0 - tonumber(amount)))
      redis.call('HINCRBY', KEYS[i], 'used', amount)
    end
    redis.call('HDEL', KEYS[i], field)
  end
end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
redis.call('ZREM', KEYS[1], ARGV[2])
return 1
