-- Moves the last activity of sessions forward: id, last seen, client, id, last seen …
-- Writes no tracked key. The last client is stored beside the data, and only if it differs from the
-- client that started the session.
for n = 1, #ARGV, 3 do
  local entry = beginning_with('i' .. gen, ARGV[n])
  if entry and number(entry:sub(49, 55)) < number(ARGV[n + 1]) then
    replace('i' .. gen, entry, entry:sub(1, 48) .. ARGV[n + 1] .. entry:sub(56))
    local record = call('GET', PREFIX .. 't' .. entry:sub(17, 48))
    local key, last = PREFIX .. 'v' .. ARGV[n], ARGV[n + 2]
    if is_live_form(record) and client_of(record) == last then last = '' end
    if last ~= (call('HGET', key, 'l') or '') then call('HSET', key, 'l', last) end
  end
end
return 1
