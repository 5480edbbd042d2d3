-- The records of the children of live sessions: session, or empty for all of a user, and the user.
local sessions, found = { ARGV[1] }, {}
if ARGV[1] == '' then
  sessions = {}
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
