-- The session or the child of an id, live or ended: id.
local entry, record = live(ARGV[1])
if entry then return shown(entry, record) end
local child = child_by_id(ARGV[1])
if child then return shown_child(child) end
return ended(ARGV[1])
