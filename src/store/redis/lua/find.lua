-- The live or ended session of an id: id.
local entry, record = live(ARGV[1])
if entry then return shown(entry, record) end
return ended(ARGV[1])
