-- Replaces the token of a live session: old digest, new digest, whether the user authenticated,
-- time.
local from, to, is_proof, at = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local record, entry = by_digest(from)
if not entry or call('EXISTS', PREFIX .. 't' .. to) == 1 then return 0 end
rotate(entry, record, to, is_proof and proven(record, at) or record, at)
return 1
