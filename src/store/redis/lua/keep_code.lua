-- Keeps a hand-over code: digest, session, expiry, now, state and origin, limit.
local digest, session, expires = ARGV[1], ARGV[2], ARGV[3]
local now, outstanding = tonumber(ARGV[4]), 0
if not live(session) then return 'gone' end
walk('q', session, function(element)
  if element:sub(1, 16) ~= session then return false end
  if number(element:sub(17, 23)) > now then outstanding = outstanding + 1 end
  return true
end)
if outstanding >= tonumber(ARGV[6]) then return 'full' end
if call('EXISTS', PREFIX .. 'k' .. digest) == 1 then return 'taken' end
call('SET', PREFIX .. 'k' .. digest, session .. expires .. ARGV[5])
add('q', session .. expires .. digest)
add('o', expires .. digest)
return 'kept'
