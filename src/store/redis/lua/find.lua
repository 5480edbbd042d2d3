-- What is known of a session: id.
local place, record = live(ARGV[1])
if place then return shown(place, record) end
return ended(ARGV[1])
