-- Gives the feed an identity, if it has none: which.
if not call('HGET', PREFIX .. 'r#', 'i') then call('HSET', PREFIX .. 'r#', 'i', ARGV[1]) end
return 1
