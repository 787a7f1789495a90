--[[
Grants a demand whole or not at all.

KEYS  1 epoch, 2 until when budgets settle, 3 open reservations of this process, 4 keys this process has touched,
      5 processes by the time of their last beat; then one bucket a take, one hash a slot, one hash a charge
ARGV  1 now in ms (0: the server's own time), 2 epoch this process knows, 3 process, 4 reservation id, 5 note, 6 longest wait in ms,
      7 takes, 8 slots, 9 charges;
      a take: limit, periodMs, burst, amount, floor, 1 if it may wait; a slot: limit, amount; a charge: cap (-1: none), amount, expiresAtMs
Returns { code, waitMs, index, state... }
      code  1 granted; 2 no room; 3 busy; 4 over budget; 5 over budget for now, may come back; 0 this is another epoch, or the
      process was taken for dead
      index of what refused, from 1, among takes, slots or charges
      state parts and atMs of every bucket, then used and held of every charge, as they are now

The arithmetic of a bucket is bucket.ts, in the same whole numbers.
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local epoch = epochOf(KEYS[1])
if epoch ~= ARGV[2] then return { 0, 0, 0 } end
local process, id, note, maxWait = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
-- What all hold together (`holding.ts`): once under its id, and nobody's who may die.
local shared = process == '@shared'
if shared and redis.call('HEXISTS', KEYS[3], id) == 1 then return { 1, 0, 0 } end
-- Nobody would ever settle for one that is not on the list.
if not shared and not redis.call('ZSCORE', KEYS[5], process) then return { 0, 0, 0 } end

local takes, slots, charges = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local firstSlot, firstCharge = 5 + takes, 5 + takes + slots
local settling = tonumber(redis.call('GET', KEYS[2]) or 0) > now
local slotArgs = 9 + takes * 6
local chargeArgs = slotArgs + slots * 2

local code, wait, index = 1, 0, 0
local used, held = {}, {}
-- Budgets and slots that do not say yet that they are of this epoch.
local new = {}
for i = 1, charges do
  local at = chargeArgs + (i - 1) * 3
  local cap, amount = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local purse = redis.call('HMGET', KEYS[firstCharge + i], 'used', 'held', 'epoch')
  if not purse[3] then
    new[firstCharge + i] = true
  elseif purse[3] ~= epoch then
    carryOver(KEYS[firstCharge + i], epoch)
    purse = redis.call('HMGET', KEYS[firstCharge + i], 'used', 'held')
  end
  used[i], held[i] = tonumber(purse[1] or 0), tonumber(purse[2] or 0)
  if code == 1 and cap >= 0 then
    if used[i] + held[i] + amount > cap then
      code, index = used[i] + amount > cap and 4 or 5, i
    elseif settling then
      code, index = 5, i
    end
  end
end
if code == 1 then
  for i = 1, slots do
    local taken = redis.call('HMGET', KEYS[firstSlot + i], 'total', 'epoch')
    -- Places of an epoch that is over are lost: who gave which of them back is not known any more.
    if taken[2] and taken[2] ~= epoch then
      redis.call('DEL', KEYS[firstSlot + i])
      taken = { false, false }
    end
    new[firstSlot + i] = not taken[2]
    local busy = tonumber(taken[1] or 0)
    local limit, amount = tonumber(ARGV[slotArgs + i * 2 - 1]), tonumber(ARGV[slotArgs + i * 2])
    if code == 1 and busy + amount > limit then code, index = 3, i end
  end
end
local parts, never, impatient = {}, false, 0
for i = 1, takes do
  local at = 9 + (i - 1) * 6
  local limit, period, burst = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local amount, floor = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local most = burst * period
  local bucket = redis.call('HMGET', KEYS[5 + i], 'parts', 'at')
  local level, since = tonumber(bucket[1] or most), tonumber(bucket[2] or now)
  if now > since then
    if now - since >= math.ceil((most - level) / limit) then level = most else level = level + (now - since) * limit end
  end
  parts[i] = level
  if code == 1 or code == 2 then
    if amount + floor > burst then
      if not never then code, index, never = 2, i, true end
    elseif not never then
      local missing = (amount + floor) * period - level
      if missing > 0 then
        local longer = math.ceil(missing / limit)
        if impatient == 0 and ARGV[at + 6] == '0' then
          impatient, wait, index = i, longer, i
        elseif impatient == 0 and longer > wait then
          wait, index = longer, i
        end
      end
    end
  end
end
if never then wait = -1 elseif code == 1 and (impatient > 0 or wait > maxWait) then code = 2 end

if code == 1 then
  for i = 1, takes do
    local at = 9 + (i - 1) * 6
    parts[i] = parts[i] - tonumber(ARGV[at + 4]) * tonumber(ARGV[at + 2])
    local limit, most = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 3]) * tonumber(ARGV[at + 2])
    redis.call('HSET', KEYS[5 + i], 'parts', whole(parts[i]), 'at', whole(now), 'epoch', epoch)
    -- Once it is full again, a bucket that is not there says the same.
    redis.call('PEXPIRE', KEYS[5 + i], whole(math.ceil((most - parts[i]) / limit) + 60000))
  end
  for i = 1, slots do
    redis.call('HINCRBY', KEYS[firstSlot + i], 'total', ARGV[slotArgs + i * 2])
    redis.call('HINCRBY', KEYS[firstSlot + i], 'p:' .. process, ARGV[slotArgs + i * 2])
    if new[firstSlot + i] then redis.call('HSET', KEYS[firstSlot + i], 'epoch', epoch) end
    if not shared then redis.call('SADD', KEYS[4], KEYS[firstSlot + i]) end
  end
  for i = 1, charges do
    local at = chargeArgs + (i - 1) * 3
    held[i] = held[i] + tonumber(ARGV[at + 2])
    redis.call('HINCRBY', KEYS[firstCharge + i], 'held', ARGV[at + 2])
    redis.call('HINCRBY', KEYS[firstCharge + i], 'p:' .. process, ARGV[at + 2])
    if new[firstCharge + i] then redis.call('HSET', KEYS[firstCharge + i], 'epoch', epoch) end
    redis.call('PEXPIREAT', KEYS[firstCharge + i], ARGV[at + 3])
    if not shared then redis.call('SADD', KEYS[4], KEYS[firstCharge + i]) end
  end
  if slots + charges > 0 then redis.call('HSET', KEYS[3], id, note) end
end

local reply = { code, wait, index }
for i = 1, takes do
  reply[#reply + 1] = parts[i]
  reply[#reply + 1] = now
end
for i = 1, charges do
  reply[#reply + 1] = used[i]
  reply[#reply + 1] = held[i]
end
return reply
