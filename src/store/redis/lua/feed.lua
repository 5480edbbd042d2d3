-- Ends after a number, in order: number or empty, limit. Returns the identity of the feed, the last
-- number, the highest deleted number, and the ends.
local known = call('HMGET', PREFIX .. 'r#', 'i', 'n', 'f')
local ends, most = {}, tonumber(ARGV[2])
if ARGV[1] ~= '' then
  walk('r', time(tonumber(ARGV[1]) + 1), function(element)
    if #ends >= most then return false end
    ends[#ends + 1] = element
    return true
  end)
end
return { known[1] or '', tonumber(known[2] or '0'), tonumber(known[3] or '0'), ends }
