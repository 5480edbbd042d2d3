-- The data of a live session: id, compartment.
if not live(ARGV[1]) then return false end
return call('HMGET', PREFIX .. 'v' .. ARGV[1], ARGV[2] .. '#', ARGV[2])
