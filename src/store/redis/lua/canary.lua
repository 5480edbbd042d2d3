-- Changes a tracked key and deletes it again: the key after the letter.
local key = PREFIX .. 't' .. ARGV[1]
redis.call('SET', key, '')
redis.call('DEL', key)
return 1
