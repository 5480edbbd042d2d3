-- Whether a sign-up made the account that waits for its address to be confirmed: until then another
-- sign-up may replace its password. FALSE in rows of servers that do not know this column.
ALTER TABLE users ADD COLUMN signed_up_by_mail BOOLEAN NOT NULL DEFAULT FALSE;
