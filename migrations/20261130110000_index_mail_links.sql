-- When the letter of a link was queued: undoing a change of the address keeps the links of earlier
-- changes. 0 in rows of servers that do not know this column.
ALTER TABLE mail_links ADD COLUMN queued_at BIGINT NOT NULL DEFAULT 0;

-- An address that a link can give back belongs to nobody else.
CREATE INDEX mail_links_by_email ON mail_links (email) WHERE purpose = 'cancel_change';
