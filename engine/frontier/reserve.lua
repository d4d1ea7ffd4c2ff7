-- reserve takes a start in buckets of one shard: in all of them or in none.
--
-- KEYS a key a bucket, which is there as long as it forbids a start
-- ARGV 1 token of this call: what it took when it was made before is its own
--      2 "1" to give up what the token took
--      3 and on: for each key how long it is to forbid the next start, in ms
-- Result: 0 if the start was taken, else the ms until none of them forbids it.

local token = ARGV[1]
local function mine(key) return redis.pcall('GET', key) == token end

if ARGV[2] == '1' then
	for _, key in ipairs(KEYS) do
		if mine(key) then redis.call('DEL', key) end
	end
	return 0
end
local wait = 0
for _, key in ipairs(KEYS) do
	local left = redis.call('PTTL', key) -- below 0: no such key, or one without an end, which is not ours
	if left >= wait and not mine(key) then wait = left + 1 end
end
if wait == 0 then
	for i, key in ipairs(KEYS) do redis.call('SET', key, token, 'PX', ARGV[2 + i]) end
end
return wait
