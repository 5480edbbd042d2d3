-- Gives a live session another token: from, to, whether its user proved who they are, at.
local from, to, is_proof, at = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local record, place = by_digest(from)
if not place or call('EXISTS', PREFIX .. 't' .. to) == 1 then return 0 end
rotate(place, record, to, is_proof and proven(record, at) or record, at)
return 1
