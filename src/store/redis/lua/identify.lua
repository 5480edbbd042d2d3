-- Sets the identity of the feed, if it has none: identity.
if not call('HGET', PREFIX .. 'r#', 'i') then call('HSET', PREFIX .. 'r#', 'i', ARGV[1]) end
return 1
