-- Deletes a hand-over code, and returns it if its session is live: digest.
local code = call('GET', PREFIX .. 'k' .. ARGV[1])
if not code then return false end
remove_code(ARGV[1], code)
return live(code:sub(1, 16)) and code
