-- Moves the last activity of sessions forward: id, last seen, where from, id, last seen …
-- Nothing that a check looks up by its token is written: where a session was last seen is a field
-- beside its data, and only where that is not where it was started from.
for n = 1, #ARGV, 3 do
  local place = beginning_with('i' .. gen, ARGV[n])
  if place and number(place:sub(49, 55)) < number(ARGV[n + 1]) then
    replace('i' .. gen, place, place:sub(1, 48) .. ARGV[n + 1] .. place:sub(56))
    local record = call('GET', PREFIX .. 't' .. place:sub(17, 48))
    local key, last = PREFIX .. 'v' .. ARGV[n], ARGV[n + 2]
    if is_live_form(record) and client_of(record) == last then last = '' end
    if last ~= (call('HGET', key, 'l') or '') then call('HSET', key, 'l', last) end
  end
end
return 1
