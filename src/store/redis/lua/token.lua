-- The digest of the token of a live session: id.
local entry = live(ARGV[1])
return entry and entry:sub(17, 48)
