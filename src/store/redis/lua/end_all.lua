-- Ends every live session by starting a new generation: reason and time, new identity of the feed,
-- which expires every cursor. The sweep deletes the earlier generation.
call('HSET', PREFIX .. 'r#', 'i', ARGV[2])
if not first_of('i' .. gen) then return 0 end
local counts = call('HMGET', PREFIX .. 'n' .. gen, 'u', 'a')
local count = tonumber(counts[1] or '0') + tonumber(counts[2] or '0')
local begun = struct_pack('>I3', number(gen) + 1)
call('SET', PREFIX .. 't', begun .. gen .. ARGV[1] .. state:sub(4))
call('DEL', PREFIX .. 'n' .. gen)
return count
