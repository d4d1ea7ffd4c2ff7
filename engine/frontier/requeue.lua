-- requeue puts failed requests back in their queues.
--
-- ARGV 2 not looked at: sent again it finds nothing more to put back
--      then five a failure: its field in failed, its value as it was read,
--      queue, priority, the request as it is to be filed
-- Result: how many were put back. Those whose value has changed were not.

local n, failed = 0, prefix .. 'failed'
for i = 3, #ARGV, 5 do
	if call('HGET', failed, ARGV[i]) == ARGV[i + 1] then
		n = n + file(ARGV[i + 2], tonumber(ARGV[i + 3]), 0, ARGV[i + 4])
		call('HDEL', failed, ARGV[i])
	end
end
c.queued, c.pushed = c.queued + n, c.pushed + n
if n > 0 then wake() end
save()
return n
