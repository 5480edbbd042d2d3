-- Changes a key that is tracked, and leaves nothing of it: what the key is called after the letter.
local key = PREFIX .. 't' .. ARGV[1]
redis.call('SET', key, '')
redis.call('DEL', key)
return 1
