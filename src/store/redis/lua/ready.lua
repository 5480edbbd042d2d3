-- Checks that the server accepts writes, and returns the commands of the scripts that the user may
-- not run, so that no script ever fails half-way.
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
