-- Ends a live session: id, required user or empty, latest allowed activity or empty, reason and
-- time.
local entry, record = live(ARGV[1])
if not entry then return 0 end
if ARGV[2] ~= '' and not (is_user(record) and user_of(record) == ARGV[2]) then return 0 end
if ARGV[3] ~= '' and number(entry:sub(49, 55)) > number(ARGV[3]) then return 0 end
finish(entry, record, ARGV[4])
return 1
