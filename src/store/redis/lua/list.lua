-- Live sessions by ascending id: user or empty for all, lower bound of the id or empty, limit.
-- Returns the number of ids read, the last of them, and the sessions.
local user, after, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local tree, width = user == '' and 'i' .. gen or 'u' .. gen, #user
local ids, sessions = {}, {}
walk(tree, user .. after, function(element)
  if #ids >= most or element:sub(1, width) ~= user then return false end
  local id = element:sub(width + 1, width + 16)
  if id ~= after then ids[#ids + 1] = id end
  return true
end)
for _, id in ipairs(ids) do
  local entry, record = live(id)
  if entry then sessions[#sessions + 1] = shown(entry, record) end
end
return { #ids, ids[#ids] or '', sessions }
