-- Where a session was last seen, beside where it was started from. Written with last_seen_at. Both
-- are NULL before the first activity that was written down, and in rows of servers that do not know
-- these columns: then it is where the session was started from.
ALTER TABLE sessions ADD COLUMN last_ip_address TEXT; -- NULL also where not known
ALTER TABLE sessions ADD COLUMN last_user_agent TEXT; -- may be empty
