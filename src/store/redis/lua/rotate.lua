-- Replaces the token of a live session: old digest, new digest, what the user proved, time.
local from, to, proof, at = ARGV[1], ARGV[2], ARGV[3]:byte(1), ARGV[4]
local record, entry = by_digest(from)
if not entry or call('EXISTS', PREFIX .. 't' .. to) == 1 then return 0 end
rotate(entry, record, to, proven(record, proof, at), at)
return 1
