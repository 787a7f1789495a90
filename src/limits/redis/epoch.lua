--[[
Stands before the scripts that ask for the epoch.

An epoch belongs to one history of the data, whose id a server changes when it begins empty, or is promoted from a replica: what was
acknowledged last may be missing then. So the epoch's name ends in that id, and where the server tells another one, the epoch is over, although
its name is still there. What is there is what one more witness saw of it: every hash says in `epoch` which one it was last used in.
]]
local function whole(n) return string.format('%.0f', n) end

-- '' where the server does not tell.
local function history()
  local told = redis.pcall('INFO', 'replication')
  if type(told) ~= 'string' then return '' end
  return string.sub(string.match(told, 'master_replid:(%x+)') or '', 1, 20)
end

-- The epoch, '' where there is none; then whether there was one that was cut short.
local function epochOf(key)
  local epoch = redis.call('GET', key)
  if not epoch then return '', false end
  local begunIn = string.match(epoch, '@(%x+)$')
  if begunIn then
    local now = history()
    if now ~= '' and now ~= begunIn then return '', true end
  end
  return epoch, false
end

-- A budget that was last used in an epoch that is over: what was held of it counts as used, and all of it as seen in that epoch.
local function carryOver(key, epoch)
  local past = redis.call('HGET', key, 'epoch')
  if not past or past == epoch then return end
  local purse = redis.call('HMGET', key, 'used', 'held')
  local total = whole(tonumber(purse[1] or 0) + tonumber(purse[2] or 0))
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if field == 'held' or field == 'base:' or string.sub(field, 1, 2) == 'p:' then redis.call('HDEL', key, field) end
  end
  redis.call('HSET', key, 'used', total, 'base:' .. past, total, 'epoch', epoch)
end
