-- drop takes requests out of a queue, for good.
--
-- ARGV 2 queue; 3 not looked at: sent again it finds nothing more to take out
--      then two a request: where it is and what is stored there:
--      a number: its place in l:QUEUE, counted from the end as LINDEX does
--      "p": in p:QUEUE; "w": in later
-- Result: how many were taken out, how many could not be: under a lease, or
-- no longer in that place.
--
-- A lease reaches over the first places of l:, as many as it has requests at
-- most; of p: nobody but its owner knows which.

local queue = ARGV[2]
local lkey, pkey = prefix .. 'l:' .. queue, prefix .. 'p:' .. queue
local score = tonumber(call('ZSCORE', due, queue) or 0)
local leased = 0
if score < 0 then leased = tonumber(string.match(call('HGET', own, queue) or '', ' (%d+)$') or 0) end
local length = try(queue, 'LLEN', lkey)

local gone, left, holes, waiting = 0, 0, 0, 0
for i = 4, #ARGV, 2 do
	local at, raw, ok = ARGV[i], ARGV[i + 1], false
	if at == 'w' then
		ok = call('ZREM', later, raw) == 1
		if ok then waiting = waiting + 1 end
	elseif at == 'p' then
		ok = score >= 0 and try(queue, 'ZREM', pkey, raw) == 1
	elseif length + at >= leased and call('LINDEX', lkey, at) == raw then
		call('LSET', lkey, at, '')
		ok, holes = true, holes + 1
	end
	if ok then gone = gone + 1 else left = left + 1 end
end
if holes > 0 then call('LREM', lkey, 0, '') end
if waiting > 0 then
	c.late = c.late - waiting
	if call('HINCRBY', late, queue, -waiting) <= 0 then
		call('HDEL', late, queue)
		if score == 0 then c.apart = c.apart - 1 end
	end
end
if score > 0 and call('EXISTS', lkey) == 0 and call('EXISTS', pkey) == 0 then
	empty(queue)
	if score > nowmax and score < PARKED then call('ZADD', rest, int(score), queue) end
end
c.queued = c.queued - gone
if gone > 0 then wake() end
save()
return {gone, left}
