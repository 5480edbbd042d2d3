-- Live sessions in the order of their ids: user or nothing for all, after which id or nothing, at
-- most how many. Gives how many ids it met, the last of them, and the sessions.
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
  local place, record = live(id)
  if place then sessions[#sessions + 1] = shown(place, record) end
end
return { #ids, ids[#ids] or '', sessions }
