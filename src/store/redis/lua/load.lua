-- The live or ended session of a token: digest.
local record, entry = by_digest(ARGV[1])
if entry then return shown(entry, record) end
return record
