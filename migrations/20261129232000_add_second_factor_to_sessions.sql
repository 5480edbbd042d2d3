-- The second factor that the user of a session proved last. Both are NULL where there was none, and
-- in rows of servers that do not know these columns.
ALTER TABLE sessions ADD COLUMN second_factor BIGINT; -- 1 totp, 2 recovery code
ALTER TABLE sessions ADD COLUMN factor_at     BIGINT; -- milliseconds since 1970, UTC
