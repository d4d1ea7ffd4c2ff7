-- restore brings the counters and the queues of a crawl that is being imported
-- to where they were. Done twice it does no more than once.
--
-- ARGV 2 not looked at; 3 finished, 4 charged, 5 aside, 6 seen
--      then five a queue: name, ms it rests, pages charged, "1" if its next
--      lease is to be cold, rule state; 0 and '' for none
-- Result: 1.

c.finished, c.charged, c.aside, c.seen = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
for i = 7, #ARGV, 5 do
	local queue, wait, charged = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
	if wait > 0 then call('ZADD', rest, int(after(wait)), queue) end
	if charged > 0 then call('HSET', paid, queue, int(charged)) end
	if ARGV[i + 3] == '1' and call('HEXISTS', own, queue) == 0 then chill(queue, 0) end
	if ARGV[i + 4] ~= '' then call('HSET', state, queue, ARGV[i + 4]) end
end
save()
return 1
