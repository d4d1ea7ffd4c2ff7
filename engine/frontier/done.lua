-- done reports on leases of one shard.
--
-- ARGV 2 slot, 3 seq of this call; 4 "1" if it may have been made before
--      5 op: "worker.seq"; 6 max pages as budget takes them, 7 max pages a queue; 0 is no limit
--      8 number of marks, then field and value of each
--      then for each outcome: queue, token, "k" to keep the lease, "c" to
--      give it up without saying when the queue was last fetched, else "",
--      "wait_or_ttl charged finished released held more span again" (held:
--      still leased requests; span: how many places of l: those reach over;
--      again: leases that ran out in a row up to now, 0 after progress), "1"
--      if the next is the new state, the state, how many arguments the steps
--      take, and the steps:
--        l queue priority after_ms request   file it there
--        h priority request                  put it back at the head of its level
--        u priority request                  the same for one that is unchanged in p:
--        x place                             take it out of l:
--        p count                             take the first so many out of l:
--        z request                           take it out of p:
--        d reason request                    keep it among the dead
--        k request                           still leased, in p:
--        g count                             so many went to another shard
--        f fingerprint failure               it ended failed: kept in failed
-- Result, for each outcome: {token, of p: before l:, of p: behind, request…}; the
-- token is "" for a lease that is over, "stale" for one that was no longer
-- current, else the new one; requests are those that more brought.
--
-- Writes in the order put back, take out, due: cut short it leaves a duplicate.

if ARGV[4] == '1' then
	local r = replayed(ARGV[2], ARGV[3])
	if r then return r end
end
local op, maxpages, maxqueue = ARGV[5], budget(ARGV[6]), tonumber(ARGV[7])
local i = 8
local nm = tonumber(ARGV[8])
if nm > 0 then call('HSET', marks, unpack(ARGV, 9, 8 + 2 * nm)) end
i = 9 + 2 * nm

-- steps does what is listed from ARGV[a] to ARGV[z]. It answers which requests
-- of p: are still leased, and how many.
local function steps(queue, a, z)
	local lkey, pkey = prefix .. 'l:' .. queue, prefix .. 'p:' .. queue
	local put, holes, held, count = 0, 0, {}, 0
	while a <= z do
		local s, x, y = ARGV[a], ARGV[a + 1], ARGV[a + 2]
		a = a + 2
		if s == 'p' then
			try(queue, 'LPOP', lkey, x)
		elseif s == 'x' then
			local r = redis.pcall('LSET', lkey, put + tonumber(x), '')
			if r.ok then holes = holes + 1 end
		elseif s == 'z' then
			try(queue, 'ZREM', pkey, x)
		elseif s == 'u' then
			c.pseq = c.pseq + 1
			call('ZADD', pkey, 'XX', int(-tonumber(x) * LEVEL - c.pseq), y)
			a = a + 1
		elseif s == 'g' then
			c.queued = c.queued - tonumber(x)
		elseif s == 'k' then
			held[x], count = true, count + 1
		elseif s == 'h' then
			local new = 1
			if x == '0' then
				try(queue, 'LPUSH', lkey, y)
				put = put + 1
			else
				new = putp(queue, tonumber(x), -1, y)
			end
			c.queued = c.queued + new - 1
			a = a + 1
		elseif s == 'd' then
			bury(queue, x, y)
			c.dead, c.queued = c.dead + 1, c.queued - 1
			a = a + 1
		elseif s == 'f' then
			try(queue, 'HSET', prefix .. 'failed', x, y)
			a = a + 1
		else
			c.queued = c.queued + file(x, tonumber(y), tonumber(ARGV[a + 1]), ARGV[a + 2]) - 1
			a = a + 3
		end
	end
	if holes > 0 then try(queue, 'LREM', lkey, holes, '') end
	return held, count
end

local function holds(queue)
	return call('EXISTS', prefix .. 'l:' .. queue) == 1
		or (c.prio ~= '0' and call('EXISTS', prefix .. 'p:' .. queue) == 1)
end

-- more reads further requests into a lease that is kept.
local function more(queue, k, n, spent, span, held, count)
	k = math.min(k, maxpages - c.charged - c.leased)
	if maxqueue > 0 then k = math.min(k, maxqueue - spent - n) end
	if k <= 0 then return {}, 0, 0 end
	return head(queue, k, span, held, count)
end

-- The stamps of all queues at once: a call less for each.
local queues = {}
local at = i
while at <= #ARGV do
	queues[#queues + 1] = ARGV[at]
	at = at + 7 + tonumber(ARGV[at + 6])
end
local stamps = #queues > 0 and call('ZMSCORE', due, unpack(queues)) or {}

local reply, dues = {}, {}
while i <= #ARGV do
	local queue, token, mode = ARGV[i], ARGV[i + 1], ARGV[i + 2]
	local first, last = i + 7, i + 6 + tonumber(ARGV[i + 6])
	if tonumber(stamps[#reply + 1] or 0) ~= -tonumber(token) then
		reply[#reply + 1] = {'stale', 0, 0}
	else
		local wait, charged, finished, released, left, k, span, again = string.match(ARGV[i + 3],
			'^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) ')
		wait, k = tonumber(wait), tonumber(k)
		local held, count = steps(queue, first, last)
		if ARGV[i + 4] == '1' then call('HSET', state, queue, ARGV[i + 5]) end
		c.queued, c.finished = c.queued - finished, c.finished + finished
		c.leased, c.charged = c.leased - released, c.charged + charged
		local spent = 0
		if maxqueue > 0 then spent = call('HINCRBY', paid, queue, charged) end
		if mode == 'k' then
			local r, hi, lo = {}, 0, 0
			if k > 0 then r, hi, lo = more(queue, k, left, spent, tonumber(span), held, count) end
			c.leased = c.leased + #r
			local new = stamp(now + wait)
			dues[#dues + 1] = int(-new)
			dues[#dues + 1] = queue
			c.ends = math.min(c.ends, now + wait)
			call('HSET', own, queue, op .. ' ' .. again .. ' ' .. left + #r)
			reply[#reply + 1] = {int(new), hi, lo, unpack(r)}
		else
			if mode == 'c' then chill(queue, again) end
			if not holds(queue) then
				empty(queue)
				if mode ~= 'c' then call('HDEL', own, queue) end
				if wait > 0 then call('ZADD', rest, int(after(wait)), queue) end
			else
				if again ~= '0' and mode ~= 'c' then mark(queue, '0.1', again) end
				local spendable = maxqueue == 0 or spent < maxqueue
				dues[#dues + 1] = int(spendable and after(wait) or PARKED)
				dues[#dues + 1] = queue
			end
			reply[#reply + 1] = {'', 0, 0}
		end
	end
	i = last + 1
end
if #dues > 0 then call('ZADD', due, unpack(dues)) end
if #reply > 0 then wake() end
save()
remember(ARGV[2], ARGV[3], reply)
return reply
