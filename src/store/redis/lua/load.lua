-- What is known of a token: digest.
local record, place = by_digest(ARGV[1])
if place then return shown(place, record) end
return record
