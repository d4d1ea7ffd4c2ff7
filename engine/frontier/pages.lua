-- pages shares the budget of pages of a crawl out to its shards.
--
-- A shard may charge what it was granted less what it gave back. Both numbers
-- only grow, and each is kept twice: by the shard in n, and for all shards in
-- the hash pages of shard 0. A grant is written in shard 0 first, what is given
-- back in the shard first: shard 0 never knows of less handed out than there
-- is, whichever call is lost, and one made again changes nothing.
--
-- ARGV 2 not looked at: it may have been made before
--      3 "back", in any shard: gives back what is neither charged nor leased
--        4 granted, as shard 0 knows it
--      Result: {granted, back}
--      3 "take", in shard 0: grants pages to a shard
--        4 max pages, 5 shard, 6 how many, then shard, granted, back of others
--      Result: granted to the shard in all; -1 if no page is left

if ARGV[3] == 'back' then
	local free = budget('+' .. ARGV[4]) - c.charged - c.leased
	call('HINCRBY', n, free < 0 and 'granted' or 'back', int(math.abs(free)))
	local q = call('HMGET', n, 'granted', 'back')
	return {tonumber(q[1] or 0), tonumber(q[2] or 0)}
end

local key = prefix .. 'pages'
local function raise(field, to)
	if tonumber(to) > tonumber(call('HGET', key, field) or 0) then call('HSET', key, field, to) end
end
for i = 7, #ARGV, 3 do
	raise('granted ' .. ARGV[i], ARGV[i + 1])
	raise('back ' .. ARGV[i], ARGV[i + 2])
end
local out = 0
local all = call('HGETALL', key)
for i = 1, #all, 2 do
	out = out + (string.sub(all[i], 1, 1) == 'g' and 1 or -1) * tonumber(all[i + 1])
end
local k = math.min(tonumber(ARGV[6]), tonumber(ARGV[4]) - out)
if k <= 0 then return -1 end
return call('HINCRBY', key, 'granted ' .. ARGV[5], int(k))
