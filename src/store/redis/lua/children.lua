-- The records of the children of live sessions: the ids of the sessions, 16 bytes each, or none for
-- all of a user, and the user.
local sessions, found = {}, {}
for place = 1, #ARGV[1], 16 do
  sessions[#sessions + 1] = ARGV[1]:sub(place, place + 15)
end
if ARGV[1] == '' then
  walk('u' .. gen, ARGV[2], function(element)
    if element:sub(1, 16) ~= ARGV[2] then return false end
    sessions[#sessions + 1] = element:sub(17, 32)
    return true
  end)
end
for _, id in ipairs(sessions) do
  if live(id) then
    for _, digest in ipairs(children_of(id)) do
      found[#found + 1] = call('GET', PREFIX .. 't' .. digest)
    end
  end
end
return found
