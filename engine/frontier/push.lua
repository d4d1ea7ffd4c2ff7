-- push files requests of one shard.
--
-- ARGV 2 slot, 3 seq of this call; 4 "1" if it may have been made before
--      5 number of queues, then their names
--      then three a request: "queue" or "queue priority after_ms again" (queue
--      counted from 1; again: 1 file it though seen, 2 nor mark it seen),
--      fingerprint (signed, decimal), the request
-- Result: how many were filed.
--
-- Writes in the order due, lists, seen: cut short it leaves a duplicate.

-- seen is kept in sets of about FULL integers, small enough for Redis to store
-- them as sorted arrays. They grow by linear hashing: one set is split in two
-- whenever the mean passes FULL.
local FULL = 160

local function bucket(fp, level)
	return math.floor(tonumber(fp) / 2 ^ 20) % (2 ^ (level + 1))
end

local buckets = tonumber(call('HGET', n, 'buckets') or 1)
local level = 0 -- 2^level <= buckets

local function seenkey(fp)
	local b = bucket(fp, level)
	if b >= buckets then b = b % 2 ^ level end
	return prefix .. 's:' .. b
end

local function relevel()
	while 2 ^ (level + 1) <= buckets do level = level + 1 end
end

-- split moves half of the next set into a new one.
local function split()
	local new = buckets
	local from, to = prefix .. 's:' .. (new - 2 ^ level), prefix .. 's:' .. new
	local move = {}
	for _, fp in ipairs(call('SMEMBERS', from)) do
		if bucket(fp, level) == new then move[#move + 1] = fp end
	end
	for i = 1, #move, 1000 do
		call('SADD', to, unpack(move, i, math.min(i + 999, #move)))
	end
	buckets = new + 1
	call('HSET', n, 'buckets', buckets)
	for i = 1, #move, 1000 do
		call('SREM', from, unpack(move, i, math.min(i + 999, #move)))
	end
	relevel()
end

if ARGV[4] == '1' then
	local r = replayed(ARGV[2], ARGV[3])
	if r then return r end
end
relevel()

local nq = tonumber(ARGV[5])
local lists, others, marked, new = {}, {}, {}, {}
for i = 6 + nq, #ARGV, 3 do
	local q, prio, wait, again = tonumber(ARGV[i]), 0, 0, 0
	if not q then
		local a, b, d, e = string.match(ARGV[i], '^(%d+) (-?%d+) (%d+) (%d)$')
		q, prio, wait, again = tonumber(a), tonumber(b), tonumber(d), tonumber(e)
	end
	local fp = ARGV[i + 1]
	local key = seenkey(fp)
	local seen = marked[fp] or call('SISMEMBER', key, fp) == 1
	if not seen and again < 2 then
		marked[fp] = true
		new[#new + 1] = key
		new[#new + 1] = fp
	end
	if again == 1 then try(ARGV[5 + q], 'HDEL', prefix .. 'failed', fp) end
	if again > 0 or not seen then
		if prio == 0 and wait == 0 then
			local l = lists[q]
			if l then l[#l + 1] = ARGV[i + 2] else lists[q] = {ARGV[i + 2]} end
		else
			others[#others + 1] = {ARGV[5 + q], prio, wait, ARGV[i + 2]}
		end
	end
end

local fresh = 0
for q = 1, nq do
	local l = lists[q]
	if l then
		ensure(ARGV[5 + q])
		try(ARGV[5 + q], 'RPUSH', prefix .. 'l:' .. ARGV[5 + q], unpack(l))
		fresh = fresh + #l
	end
end
for _, o in ipairs(others) do fresh = fresh + file(unpack(o)) end
for i = 1, #new, 2 do call('SADD', new[i], new[i + 1]) end

c.seen = c.seen + #new / 2
while c.seen > buckets * FULL do split() end
c.queued, c.pushed = c.queued + fresh, c.pushed + fresh
if fresh > 0 then wake() end
save()
remember(ARGV[2], ARGV[3], fresh)
return fresh
