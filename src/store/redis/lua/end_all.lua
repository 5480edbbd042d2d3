-- Ends every live session by beginning another generation: why, and the identity that the feed
-- gets, so that whoever follows it drops everything. The sweep clears the earlier one away.
call('HSET', PREFIX .. 'r#', 'i', ARGV[2])
if not first_of('i' .. gen) then return 0 end
local counts = call('HMGET', PREFIX .. 'n' .. gen, 'u', 'a')
local count = tonumber(counts[1] or '0') + tonumber(counts[2] or '0')
local begun = struct_pack('>I3', number(gen) + 1)
call('SET', PREFIX .. 't', begun .. gen .. ARGV[1] .. state:sub(4))
call('DEL', PREFIX .. 'n' .. gen)
return count
