-- Writes data of a live session: id, compartment, expected version, data.
local data, version = PREFIX .. 'v' .. ARGV[1], ARGV[2] .. '#'
if not live(ARGV[1]) then return 'gone' end
local present = tonumber(call('HGET', data, version) or '0')
if present ~= tonumber(ARGV[3]) then return 'moved' end
call('HSET', data, version, present + 1, ARGV[2], ARGV[4])
return 'kept'
