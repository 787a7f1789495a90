--[[
Says that this process lives, and hears who else does.

KEYS  1 processes by the time of their last beat, 2 epoch, 3 until when nobody is taken for dead
ARGV  1 now in ms (0: the server's own time), 2 process, 3 ms after which silence means death, 4 '1' if this process has beaten before
Returns { epoch, '' where there is none or it is over, 1 if this process was known, processes that live, names of the dead... }

One that has beaten before and is not known was settled by others, or the data are lost: it is not taken in again, and
must come back under another name.
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local silence = tonumber(ARGV[3])
local epoch = epochOf(KEYS[2])
local known = redis.call('ZSCORE', KEYS[1], ARGV[2]) and 1 or 0
if known == 0 and ARGV[4] == '1' then return { epoch, 0, redis.call('ZCARD', KEYS[1]) } end

-- When nobody at all was heard for a while, it was the server that could not be reached: the others get time to come back.
local newest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if newest[2] and now - tonumber(newest[2]) > silence / 2 then
  redis.call('SET', KEYS[3], whole(now + silence), 'PX', whole(silence * 2))
end
redis.call('ZADD', KEYS[1], whole(now), ARGV[2])
local dead = {}
if tonumber(redis.call('GET', KEYS[3]) or 0) <= now then
  dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. whole(now - silence), 'LIMIT', 0, 10)
end
local reply = { epoch, known, redis.call('ZCARD', KEYS[1]) - #dead }
for _, name in ipairs(dead) do reply[#reply + 1] = name end
return reply
