--[[
Gives budgets that are not there what the ledger knows of them.

KEYS  budgets
ARGV  a budget: used, expiresAtMs
Returns how many were not there
]]
local made = 0
for i = 1, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then
    -- As in restore.lua: part of what is restored later.
    redis.call('HSET', KEYS[i], 'used', ARGV[i * 2 - 1], 'base:', ARGV[i * 2 - 1])
    redis.call('PEXPIREAT', KEYS[i], ARGV[i * 2])
    made = made + 1
  end
end
return made
