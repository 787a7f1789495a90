--[[
Settles a reservation: gives back what was not used, takes what was used beyond, frees the slots, moves money from held to used.

KEYS  1 epoch, 2 open reservations of the process that reserved, 3 what it settled and the ledger lacks;
      then one bucket a take, one hash a slot, one hash a charge
ARGV  1 now in ms (0: the server's own time), 2 epoch of the reservation, 3 process that reserved, 4 reservation id,
      5 'unsure': nobody knows whether it was made, or is settled already; 'once': only where it is open; else 'sure',
      6 takes, 7 slots, 8 charges, 9 epoch this process knows, 10 entry for the ledger ('': none);
      a take: limit, periodMs, burst, tokens to give back (negative: to take); a slot: amount; a charge: amount reserved, amount used, expiresAtMs
Returns { 1, used and held of every charge... }; { 0 } and does nothing where this is another epoch

A reservation of another epoch, or that is not open any more, was counted as used in full, by a restore or by a reclaim after
this process was taken for dead: then the difference alone is corrected. Who is unsure gives nothing back that is not open, but
does count what was spent beyond: twice is too much, not at all would let a cap be passed.
]]
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local process, id = ARGV[3], ARGV[4]
local takes, slots, charges = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local epoch = epochOf(KEYS[1])
-- Data were lost, and what this process saw is not restored yet: a difference would be one to nothing.
if epoch ~= ARGV[9] then return { 0 } end
local open = redis.call('HDEL', KEYS[2], id) == 1
if open and ARGV[10] ~= '' then redis.call('HSET', KEYS[3], id, ARGV[10]) end
local sameEpoch = epoch == ARGV[2]

if ARGV[5] == 'sure' or open then
  if sameEpoch then
    for i = 1, takes do
      local at = 10 + (i - 1) * 4
      local limit, period, burst = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
      local less = tonumber(ARGV[at + 4])
      local most = burst * period
      local bucket = redis.call('HMGET', KEYS[3 + i], 'parts', 'at')
      local level, since = tonumber(bucket[1] or most), tonumber(bucket[2] or now)
      if now > since then
        if now - since >= math.ceil((most - level) / limit) then level = most else level = level + (now - since) * limit end
        since = now
      end
      level = math.min(most, level + less * period)
      redis.call('HSET', KEYS[3 + i], 'parts', whole(level), 'at', whole(since))
      redis.call('PEXPIRE', KEYS[3 + i], whole(math.ceil((most - level) / limit) + 60000))
    end
  end
  if open and sameEpoch then
    for i = 1, slots do
      redis.call('HINCRBY', KEYS[3 + takes + i], 'total', whole(0 - tonumber(ARGV[10 + takes * 4 + i])))
      redis.call('HINCRBY', KEYS[3 + takes + i], 'p:' .. process, whole(0 - tonumber(ARGV[10 + takes * 4 + i])))
    end
  end
end

local reply = { 1 }
for i = 1, charges do
  local at = 10 + takes * 4 + slots + (i - 1) * 3
  local key = KEYS[3 + takes + slots + i]
  if not sameEpoch then carryOver(key, epoch) end
  if open and sameEpoch then
    redis.call('HINCRBY', key, 'held', whole(0 - tonumber(ARGV[at + 1])))
    redis.call('HINCRBY', key, 'p:' .. process, whole(0 - tonumber(ARGV[at + 1])))
    redis.call('HINCRBY', key, 'used', ARGV[at + 2])
    redis.call('PEXPIREAT', key, ARGV[at + 3])
  elseif ARGV[5] == 'sure' or (ARGV[5] == 'once' and open) or (ARGV[5] == 'unsure' and tonumber(ARGV[at + 2]) > tonumber(ARGV[at + 1])) then
    redis.call('HINCRBY', key, 'used', whole(tonumber(ARGV[at + 2]) - tonumber(ARGV[at + 1])))
    redis.call('PEXPIREAT', key, ARGV[at + 3])
  end
  local purse = redis.call('HMGET', key, 'used', 'held')
  reply[#reply + 1] = tonumber(purse[1] or 0)
  reply[#reply + 1] = tonumber(purse[2] or 0)
end
return reply
