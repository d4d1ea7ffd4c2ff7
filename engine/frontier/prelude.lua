-- What the scripts share; it is put in front of each.
--
-- KEYS, the same for all, in one shard (one hash tag):
--   1 n      hash    v: marks the crawl; c: its counters, see below; buckets
--   2 due    zset    queue -> stamp: when it may be leased next
--   3 later  zset    "priority:length:queue request" -> ms: requests with a time of their own
--   4 rest   zset    queue -> stamp: rests of queues that hold nothing now
--   5 own    hash    queue -> "op again count" of its last lease; or, to be looked
--                    at by the next one, "0.0 again 0" if that is to be cold, else
--                    "0.1 again 0"
--   6 state  hash    queue -> rule state
--   7 paid   hash    queue -> pages charged
--   8 dead   list    {queue, reason, entry} of what cannot be crawled
--   9 ops    hash    slot -> "seq reply" of the last call, for one sent again
--  10 marks  hash    "host output" -> byte
--  11 late   hash    queue -> how many of its requests are in later
-- ARGV[1] is the prefix of keys reached by name: l:QUEUE list of requests,
-- p:QUEUE zset of those with a priority, s:N set of fingerprints, failed hash
-- of what ended failed, values and expiry, see values.lua. A request is a JSON
-- object, or its URL alone when there is nothing else to say of it.
--
-- A stamp is ms*1024+seq of the server's clock: positive while the queue
-- waits, negative while leased (the lease's end, and its token), PARKED while
-- the page budget holds the queue.
local n, due, later, rest, own, state, paid, dead, ops, marks, late = unpack(KEYS)
local prefix = ARGV[1]
local call = redis.call

local PARKED = 9e15
local LEVEL = 2 ^ 44  -- distance of two priorities in p:
local DEADMAX = 10000 -- entries kept in dead

-- The counters, one text of integers in this order:
-- queued leased finished charged seen aside dead: as their names say
-- late, apart: requests in later; queues that have nothing but such
-- prio: 1 once a request had a priority; pseq: numbers those
-- seq: of the last stamp; sleep: 1 if a worker said that it sleeps
-- pushed: requests filed; ends: no lease ends before (ms); cold: marks in own
local FORM = '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$'
local c
do
	local r = call('HMGET', n, 'v', 'c')
	if r[1] ~= '1' then
		return redis.error_reply('GONE the crawl was started anew or its keys were deleted')
	end
	local a, b, d, e, f, g, h, i, j, k, l, m, o, p, q, s =
		string.match(r[2] or '0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0', FORM)
	if not s then return redis.error_reply('ERR ' .. n .. ' holds no counters') end
	-- All fields at once: a table that grows costs more than all else here.
	c = {queued = a, leased = b + 0, finished = d, charged = e, seen = f, aside = g, dead = h,
		late = i + 0, apart = j, prio = k, pseq = l, seq = m, sleep = o, pushed = p,
		ends = q + 0, cold = s + 0}
end

local t = call('TIME')
local us = t[1] * 1000000 + t[2]
local now = math.floor(us / 1000)
local nowmax = now * 1024 + 1023 -- the last stamp that is due

local function int(x) return string.format('%d', x) end

-- save writes the counters; none is ever below 0, whatever was in the keys.
local function save()
	if c.queued + 0 < 0 then c.queued = 0 end
	if c.leased < 0 then c.leased = 0 end
	if c.late < 0 then c.late = 0 end
	if c.apart + 0 < 0 then c.apart = 0 end
	if c.cold < 0 then c.cold = 0 end
	call('HSET', n, 'c', string.format('%d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d',
		c.queued, c.leased, c.finished, c.charged, c.seen, c.aside, c.dead, c.late, c.apart,
		c.prio, c.pseq, c.seq, c.sleep, c.pushed, c.ends, c.cold))
end

-- stamp is a new stamp at ms; two of one ms differ.
local function stamp(ms)
	c.seq = (c.seq + 1) % 1024
	return ms * 1024 + c.seq
end

-- after is the stamp a wait of so many ms from now ends at, never early.
local function after(wait)
	if wait <= 0 then return stamp(now) end
	return stamp(math.ceil(us / 1000) + wait)
end

-- bury keeps what cannot be crawled, with the reason.
local function bury(queue, reason, entry)
	call('RPUSH', dead, cjson.encode({queue = queue, reason = reason, entry = entry}))
	call('LTRIM', dead, -DEADMAX, -1)
end

-- foreign moves a key of another type out of the way.
local function foreign(key, queue)
	c.dead = c.dead + 1
	call('RENAME', key, prefix .. 'foreign:' .. int(c.dead))
	bury(queue, 'key of another type', key)
end

-- try runs a command on a queue's key, once more after a foreign key there
-- has been moved away.
local function try(queue, cmd, key, ...)
	local r = redis.pcall(cmd, key, ...)
	if type(r) == 'table' and r.err then
		if not string.find(r.err, '^WRONGTYPE') then error(r.err, 0) end
		foreign(key, queue)
		return call(cmd, key, ...)
	end
	return r
end

-- c.late is how many requests are in later, c.apart how many queues have
-- nothing but such: they are not in due.
local function waits(queue) return c.late > 0 and call('HEXISTS', late, queue) == 1 end

-- ensure makes a queue that holds something due: at the end of its rest.
local function ensure(queue)
	if call('ZSCORE', due, queue) then return end
	if waits(queue) then c.apart = c.apart - 1 end
	local s = tonumber(call('ZSCORE', rest, queue) or 0)
	if s <= nowmax then s = stamp(now) end
	call('ZADD', due, int(s), queue)
end

-- putp files a request with a priority, at the tail (side 1) or the head (-1)
-- of its level.
local function putp(queue, prio, side, raw)
	c.prio, c.pseq = '1', c.pseq + 1
	return try(queue, 'ZADD', prefix .. 'p:' .. queue, 'NX', int(-prio * LEVEL + side * c.pseq), raw)
end

-- file puts one request at the tail of its level, or with those that have a
-- time of their own. It answers 0 if the very same was there, else 1.
local function file(queue, prio, wait, raw)
	if wait > 0 then
		local new = call('ZADD', later, int(math.ceil(us / 1000) + wait),
			prio .. ':' .. #queue .. ':' .. queue .. raw)
		if new == 1 then
			c.late = c.late + 1
			if call('HINCRBY', late, queue, 1) == 1 and not call('ZSCORE', due, queue) then
				c.apart = c.apart + 1
			end
		end
		return new
	end
	ensure(queue)
	if prio == 0 then
		try(queue, 'RPUSH', prefix .. 'l:' .. queue, raw)
		return 1
	end
	return putp(queue, prio, 1, raw)
end

-- mark tells the next lease of a queue that is not leased how many before it
-- ran out in a row, and ('0.0') that it is cold or ('0.1') that it is not.
local function mark(queue, as, again)
	call('HSET', own, queue, as .. ' ' .. again .. ' 0')
	c.cold = c.cold + 1
end

local function chill(queue, again) mark(queue, '0.0', again) end

-- empty takes a queue that holds nothing out of due.
local function empty(queue)
	if call('ZREM', due, queue) == 1 and waits(queue) then c.apart = c.apart + 1 end
end

-- head reads the next up to k requests of a queue, passing over those under
-- lease: skip places of l:, and those of p: that are in held (count of them).
-- It answers them, and how many of p: come before and behind those of l:.
local function head(queue, k, skip, held, count)
	local lkey = prefix .. 'l:' .. queue
	if c.prio == '0' then -- as nearly always; and one by index is half the work of a range
		if k > 1 then return try(queue, 'LRANGE', lkey, skip, skip + k - 1), 0, 0 end
		return {try(queue, 'LINDEX', lkey, skip) or nil}, 0, 0
	end
	local out, pkey = {}, prefix .. 'p:' .. queue
	local function level(from, to)
		if #out >= k then return 0 end
		local had = #out
		local r = try(queue, 'ZRANGEBYSCORE', pkey, from, to, 'LIMIT', 0, k - had + count)
		for i = 1, #r do
			if #out < k and not held[r[i]] then out[#out + 1] = r[i] end
		end
		return #out - had
	end
	local hi = level('-inf', '(0')
	if #out < k then
		local r = try(queue, 'LRANGE', lkey, skip, skip + k - #out - 1)
		for i = 1, #r do out[#out + 1] = r[i] end
	end
	return out, hi, level('(0', '+inf')
end

-- wake tells sleepers, if one has said that it sleeps.
local function wake()
	if c.sleep == '1' then
		c.sleep = '0'
		call('PUBLISH', prefix .. 'wake', '')
	end
end

-- budget is how many pages may be charged in this shard: the number given, 0
-- being no limit; or, for "+N", what the shard was granted, N at least, less
-- what it gave back, see pages.lua.
local function budget(arg)
	if string.sub(arg, 1, 1) ~= '+' then return arg == '0' and math.huge or tonumber(arg) end
	local q = call('HMGET', n, 'granted', 'back')
	local granted = tonumber(q[1] or 0)
	if tonumber(arg) > granted then
		granted = tonumber(arg)
		call('HSET', n, 'granted', int(granted))
	end
	return granted - tonumber(q[2] or 0)
end

-- replayed is the reply of the call of that seq, if it was made before.
local function replayed(slot, seq)
	local r = call('HGET', ops, slot)
	if not r then return nil end
	local s, reply = string.match(r, '^(%d+) (.*)$')
	if s == seq then return cmsgpack.unpack(reply) end
end

local function remember(slot, seq, reply)
	call('HSET', ops, slot, seq .. ' ' .. cmsgpack.pack(reply))
end
