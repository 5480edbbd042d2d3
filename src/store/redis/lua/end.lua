-- Ends a live session: id, only of this user or nothing, only if not seen after this or nothing,
-- why.
local place, record = live(ARGV[1])
if not place then return 0 end
if ARGV[2] ~= '' and not (is_user(record) and user_of(record) == ARGV[2]) then return 0 end
if ARGV[3] ~= '' and number(place:sub(49, 55)) > number(ARGV[3]) then return 0 end
finish(place, record, ARGV[4])
return 1
