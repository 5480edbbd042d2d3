-- A set-up belongs to the session or pending session that began it: another one cannot see or finish
-- it. NULL: it began before this column existed, and has to begin again.
ALTER TABLE totp_secrets ADD COLUMN begun_by BYTEA; -- digest of the session's id or the pending token
