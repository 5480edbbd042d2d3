-- Ends a live session or a live child: id, required user or empty, latest allowed activity or
-- empty, reason and time. The conditions on a child apply to its parent.
local child, digest
local entry, record = live(ARGV[1])
if not entry then
  child, digest = child_by_id(ARGV[1])
  if not child then return 0 end
  entry, record = live(parent_of(child))
  if not entry then return 0 end
end
if ARGV[2] ~= '' and not (is_user(record) and user_of(record) == ARGV[2]) then return 0 end
if ARGV[3] ~= '' and number(entry:sub(49, 55)) > number(ARGV[3]) then return 0 end
if child then
  finish_child(digest, child, owner_of(record), ARGV[4])
else
  finish(entry, record, ARGV[4])
end
return 1
