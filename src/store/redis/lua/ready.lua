-- Whether the server would take a write, and which of the commands that the scripts use it does
-- not let us use: half a script must never have run when that is found out.
local key, missing = PREFIX .. 'ready', {}
local needed = {
  { 'GET', key }, { 'SET', key, '' }, { 'DEL', key }, { 'EXISTS', key }, { 'RENAME', key, key },
  { 'HGET', key, '' }, { 'HMGET', key, '' }, { 'HSET', key, '', '' }, { 'HINCRBY', key, '', '1' },
  { 'ZADD', key, '0', '' }, { 'ZREM', key, '' }, { 'ZCARD', key }, { 'ZRANGE', key, '0', '0' },
  { 'ZRANGEBYLEX', key, '-', '+' }, { 'ZREVRANGEBYLEX', key, '+', '-' },
  { 'ZREMRANGEBYRANK', key, '0', '0' },
}
for _, command in ipairs(needed) do
  if not redis.acl_check_cmd(unpack(command)) then missing[#missing + 1] = command[1] end
end
return missing
