-- The session or the child of a token, live or ended: digest.
local record, entry = by_digest(ARGV[1])
if entry then return shown(entry, record) end
if is_child_form(record) then return shown_child(record) end
return record
