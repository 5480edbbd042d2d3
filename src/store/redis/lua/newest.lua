-- Live sessions by descending id: upper bound of the id, limit. Returns the number of ids read, the
-- last of them, and the sessions.
local before, most = ARGV[1], tonumber(ARGV[2])
local tree = 'i' .. gen
local ids, sessions = {}, {}
local from = beginning(tree, before)
while from and #ids < most do
  local found = call('ZREVRANGEBYLEX', leaf(tree, from), '(' .. before, '-', 'LIMIT', 0, most - #ids)
  for _, element in ipairs(found) do ids[#ids + 1] = element:sub(1, 16) end
  -- The index has no entry for the first leaf.
  from = from ~= '' and
    (call('ZREVRANGEBYLEX', PREFIX .. tree, '(' .. from, '-', 'LIMIT', 0, 1)[1] or '')
end
for _, id in ipairs(ids) do
  local entry, record = live(id)
  if entry then sessions[#sessions + 1] = shown(entry, record) end
end
return { #ids, ids[#ids] or '', sessions }
