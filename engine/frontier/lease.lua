-- lease takes due queues of one shard.
--
-- ARGV 2 queues, 3 each, 4 ttl in ms, 5 op: "worker.seq" of this call
--      6 "1" if it may have been made before: what it took then is taken anew
--      7 max pages as budget takes them, 8 max pages a queue; 0 is no limit
--      9 "1" to look again at queues the page budget held
--      10 and on: ids of dead workers, whose leases end now
-- Result: status (0, 1 drained, 2 budget), wait in µs until something may be
-- due (-1: unknown), requests pushed so far, 1 if the shard holds requests and
-- may charge no more pages, then a lease each:
--   {queue, token, again, cold, state, of p: before l:, of p: behind, request…}
-- A lease writes nothing to lists: what it holds is the queue's head, which
-- nobody else touches.

local queues, each, ttl = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local op, maxpages, maxqueue = ARGV[5], budget(ARGV[7]), tonumber(ARGV[8])
local MOVED = 200 -- of later and of expired leases, in one call

-- Requests whose time has come go to their queues.
local ready = c.late > 0 and call('ZRANGEBYSCORE', later, '-inf', int(now), 'LIMIT', 0, MOVED) or {}
for _, m in ipairs(ready) do
	local prio, len, at = string.match(m, '^(-?%d+):(%d+):()')
	len = tonumber(len)
	if at and len <= #m - at + 1 then
		local q = string.sub(m, at, at + len - 1)
		file(q, tonumber(prio), 0, string.sub(m, at + len))
		c.late = c.late - 1
		if call('HINCRBY', late, q, -1) <= 0 then call('HDEL', late, q) end
	else
		c.dead = c.dead + 1
		bury('', 'not a delayed request', m)
	end
	call('ZREM', later, m)
end
if c.seq % 16 == 0 then call('ZREMRANGEBYSCORE', rest, '-inf', int(nowmax)) end

local function lease_of(queue)
	local o, a, k = string.match(call('HGET', own, queue) or '', '^(%S+) (%d+) (%d+)$')
	return o or '0.0', tonumber(a or 0), tonumber(k or 0)
end

-- setaside takes away the request at the head, which ended three workers.
local function setaside(queue)
	local r, hi, lo = head(queue, 1, 0, {}, 0)
	if #r == 0 then return end
	local request = r[1]
	if string.sub(request, 1, 4) == 'http' then request = '{"url":' .. cjson.encode(request) .. '}' end
	try(queue, 'HSET', prefix .. 'failed', 'aside:' .. int(stamp(now)),
		'{"kind":"set_aside","message":"ended three workers in a row","at":' .. int(now)
		.. ',"queue":' .. cjson.encode(queue) .. ',"request":' .. request .. '}')
	if hi + lo > 0 then
		call('ZREM', prefix .. 'p:' .. queue, r[1])
	else
		call('LPOP', prefix .. 'l:' .. queue)
	end
	c.aside, c.queued = c.aside + 1, c.queued - 1
end

-- expire ends a lease whose owner did not: the queue is due at once.
local function expire(queue, at)
	local _, again, k = lease_of(queue)
	again = again + 1
	c.leased = c.leased - k
	if again >= 3 then
		setaside(queue)
		again = 0
	end
	call('ZADD', due, int(at), queue)
	chill(queue, again)
end

if c.ends <= now then
	local r = call('ZREVRANGEBYSCORE', due, '(0', '-inf', 'WITHSCORES', 'LIMIT', 0, MOVED)
	c.ends = now + 1000000
	for i = 1, #r, 2 do
		local at = -tonumber(r[i + 1])
		if at > nowmax then
			c.ends = math.floor(at / 1024)
			break
		end
		expire(r[i], at)
		if i + 2 > 2 * MOVED then c.ends = now end
	end
end
local gone = {}
for i = 10, #ARGV do gone[ARGV[i]] = true end
local again = {} -- what this call took when it was made before, and has not run out
if ARGV[6] == '1' or #ARGV >= 10 then
	for _, q in ipairs(call('ZRANGEBYSCORE', due, '-inf', '(0')) do
		local o, a, k = lease_of(q)
		if gone[string.match(o, '^[^.]*')] then
			expire(q, stamp(now))
		elseif ARGV[6] == '1' and o == op then
			again[#again + 1] = {q, a, k}
		end
	end
end
if ARGV[9] == '1' then
	for _, q in ipairs(call('ZRANGEBYSCORE', due, PARKED, PARKED)) do
		call('ZADD', due, int(stamp(now)), q)
		chill(q, 0)
	end
end

local function room() return maxpages - c.charged - c.leased end

local leases, names, dues, owns = {}, {}, {}, {}

-- grant leases one queue with the requests in r.
local function grant(queue, r, hi, lo, again, cold)
	local token = stamp(now + ttl)
	names[#names + 1] = queue
	dues[#dues + 1] = int(-token)
	dues[#dues + 1] = queue
	owns[#owns + 1] = queue
	owns[#owns + 1] = op .. ' ' .. again .. ' ' .. #r
	leases[#leases + 1] = {queue, int(token), again, cold, false, hi, lo, unpack(r)}
end

c.ends = math.min(c.ends, now + ttl)

-- flush writes what grant has collected.
local function flush()
	if #names == 0 then return end
	call('ZADD', due, unpack(dues))
	call('HSET', own, unpack(owns))
	local s = call('HMGET', state, unpack(names))
	for i = 1, #names do leases[#leases - #names + i][5] = s[i] end
	names, dues, owns = {}, {}, {}
end

for _, l in ipairs(again) do
	local r, hi, lo = head(l[1], l[3], 0, {}, 0)
	if #r > 0 then grant(l[1], r, hi, lo, l[2], l[2] > 0 and 1 or 0) end
end
flush()
if #again > 0 then queues = 0 end

while #leases < queues and room() > 0 do
	local found = call('ZRANGEBYSCORE', due, 0, int(nowmax), 'LIMIT', 0, queues - #leases)
	if #found == 0 then break end
	local o = c.cold > 0 and call('HMGET', own, unpack(found)) or {}
	local p = maxqueue > 0 and call('HMGET', paid, unpack(found)) or {}
	for i, q in ipairs(found) do
		local w, a = string.match(o[i] or '', '^0%.([01]) (%d+) ')
		local k = math.min(each, room())
		if maxqueue > 0 then k = math.min(k, maxqueue - tonumber(p[i] or 0)) end
		if maxqueue > 0 and tonumber(p[i] or 0) >= maxqueue then
			call('ZADD', due, int(PARKED), q)
		elseif k > 0 then
			local r, hi, lo = head(q, k, 0, {}, 0)
			if #r == 0 then
				empty(q)
				call('HDEL', own, q)
			else
				c.leased = c.leased + #r
				grant(q, r, hi, lo, tonumber(a or 0), w == '0' and 1 or 0)
			end
			if a then c.cold = c.cold - 1 end
		end
	end
	flush()
end

-- What there is to wait for.
local status, wait, short = 0, -1, 0
if #leases < queues then
	local function sooner(ms)
		local w = math.max(ms * 1000 - us, 0)
		if wait < 0 or w < wait then wait = w end
	end
	local l = call('ZREVRANGEBYSCORE', due, '(0', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
	if l[2] then
		c.ends = math.floor(-tonumber(l[2]) / 1024)
		sooner(c.ends)
	else
		c.leased = 0
	end
	local open = room() > 0
	local d = call('ZRANGEBYSCORE', due, 0, '(' .. int(PARKED), 'WITHSCORES', 'LIMIT', 0, 1)
	if d[2] and open then sooner(math.floor(tonumber(d[2]) / 1024)) end
	local w = call('ZRANGE', later, 0, 0, 'WITHSCORES')
	if w[2] then c.late = math.max(c.late, 1) end
	if w[2] and open then sooner(tonumber(w[2])) end
	if not open and (d[2] or w[2]) then short = 1 end
	if #leases == 0 then
		if call('ZCARD', due) == 0 and not w[2] then
			status, c.queued = 1, 0
		elseif not l[2] and (not open or (not d[2] and not w[2]
			and call('ZCOUNT', due, '(' .. int(PARKED), '+inf') == 0)) then
			status = 2
		end
	end
	c.sleep = '1'
end
save()
return {status, wait, tonumber(c.pushed), short, unpack(leases)}
