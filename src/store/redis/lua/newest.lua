-- Live sessions from the highest id to the lowest: below which id, at most how many. Gives how many
-- ids it met, the last of them, and the sessions.
local before, most = ARGV[1], tonumber(ARGV[2])
local tree = 'i' .. gen
local ids, sessions = {}, {}
local from = beginning(tree, before)
while from and #ids < most do
  local found = call('ZREVRANGEBYLEX', leaf(tree, from), '(' .. before, '-', 'LIMIT', 0, most - #ids)
  for _, element in ipairs(found) do ids[#ids + 1] = element:sub(1, 16) end
  -- The first leaf is in no index.
  from = from ~= '' and
    (call('ZREVRANGEBYLEX', PREFIX .. tree, '(' .. from, '-', 'LIMIT', 0, 1)[1] or '')
end
for _, id in ipairs(ids) do
  local place, record = live(id)
  if place then sessions[#sessions + 1] = shown(place, record) end
end
return { #ids, ids[#ids] or '', sessions }
