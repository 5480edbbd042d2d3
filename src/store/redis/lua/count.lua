-- How many live sessions there are, of users and of visitors.
return call('HMGET', PREFIX .. 'n' .. gen, 'u', 'a')
