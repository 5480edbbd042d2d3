-- Moves the last activity of sessions forward: id, last seen, id, last seen …
-- Nothing that a check looks up by its token is written.
for n = 1, #ARGV, 2 do
  local place = beginning_with('i' .. gen, ARGV[n])
  if place and number(place:sub(49, 55)) < number(ARGV[n + 1]) then
    replace('i' .. gen, place, place:sub(1, 48) .. ARGV[n + 1] .. place:sub(56))
  end
end
return 1
