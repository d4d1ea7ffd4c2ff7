-- values reads and changes what the workers share.
--
-- ARGV 2 slot, 3 seq of this call; 4 "1" if it may have been made before
--      5 what to do, 6 the key, and of these alone:
--        get
--        set value ttl_ms      0 is for good
--        del
--        incr n
--        claim n limit         adds up to n, as much as leaves it at limit or below
-- Result: get: the value or false; set, del: 1; incr: the sum, as text; claim: how
-- much was added, the sum, as text: integers of 64 bits do not fit Lua's numbers.
--
-- Keys reached by name, those of the prelude aside:
--   values  hash  key -> value
--   expiry  zset  key -> ms: when its time is over; writes remove some that are

local values, expiry = prefix .. 'values', prefix .. 'expiry'
local SWEPT = 100 -- values removed in one call
local what, key = ARGV[5], ARGV[6]

local function forget(k)
	call('HDEL', values, k)
	call('ZREM', expiry, k)
end

local ends = call('ZSCORE', expiry, key)
local over = ends and tonumber(ends) <= now

if what == 'get' then
	if over then return false end
	return call('HGET', values, key)
end
if ARGV[4] == '1' then
	local r = replayed(ARGV[2], ARGV[3])
	if r then return r end
end
if over then forget(key) end
for _, k in ipairs(call('ZRANGEBYSCORE', expiry, '-inf', int(now), 'LIMIT', 0, SWEPT)) do forget(k) end

-- add is HINCRBY, with its errors under names of their own.
local function add(n)
	local r = redis.pcall('HINCRBY', values, key, n)
	if type(r) == 'table' then
		if string.find(r.err, 'not an integer') then return nil, redis.error_reply('NOTINTEGER ' .. r.err) end
		if string.find(r.err, 'overflow') then return nil, redis.error_reply('OVERFLOW ' .. r.err) end
		return nil, r
	end
	return call('HGET', values, key)
end

local reply
if what == 'set' then
	call('HSET', values, key, ARGV[7])
	if ARGV[8] == '0' then
		call('ZREM', expiry, key)
	else
		call('ZADD', expiry, int(math.ceil(us / 1000) + ARGV[8]), key)
	end
	reply = 1
elseif what == 'del' then
	forget(key)
	reply = 1
elseif what == 'incr' then
	local sum, err = add(ARGV[7])
	if err then return err end
	reply = sum
else
	local have, err = add('0')
	if err then return err end
	local n = math.max(0, math.min(tonumber(ARGV[7]), tonumber(ARGV[8]) - tonumber(have)))
	if n > 0 then have = add(int(n)) end
	reply = {int(n), have}
end
remember(ARGV[2], ARGV[3], reply)
return reply
