-- The number of live sessions, of users and of anonymous visitors.
return call('HMGET', PREFIX .. 'n' .. gen, 'u', 'a')
