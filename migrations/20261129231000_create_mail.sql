-- Mail for people: what to send to whom. It has no token: the link of a message is made when the
-- message is handed to the mail server. A row is written in the transaction of what it is about.
CREATE TABLE mail_queue (
    letter_id     BYTEA  NOT NULL PRIMARY KEY, -- UUIDv7, part of the Message-ID
    kind          TEXT   NOT NULL,             -- a word of the API, for example 'recovery'
    user_id       BYTEA,                       -- users.user_id; NULL for a test, and where void
    recipient     TEXT   NOT NULL,             -- canonical address; empty where void
    detail        TEXT   NOT NULL,             -- a device, or the new address; may be empty
    language      TEXT   NOT NULL,             -- of the request, 'en' or 'ko'; may be empty
    queued_at     BIGINT NOT NULL,             -- milliseconds since 1970, UTC, as all below
    state         TEXT   NOT NULL,             -- 'pending', 'sent', 'failed' or 'void'
    attempts      BIGINT NOT NULL,             -- begun so far
    due_at        BIGINT NOT NULL,             -- of the next attempt
    claimed_until BIGINT NOT NULL,             -- before this, a server is at it; 0 where none is
    error         TEXT   NOT NULL              -- of the last attempt; may be empty
);

CREATE INDEX mail_queue_by_time ON mail_queue (due_at) WHERE state = 'pending';
CREATE INDEX mail_queue_not_sent ON mail_queue (letter_id) WHERE state IN ('pending', 'failed');
CREATE INDEX mail_queue_by_recipient ON mail_queue (recipient, queued_at);
CREATE INDEX mail_queue_by_user ON mail_queue (user_id);
CREATE INDEX mail_queue_by_age ON mail_queue (queued_at);

-- Links of messages that were handed over. Using one deletes it. No foreign key: what voids a link
-- is said in code.
CREATE TABLE mail_links (
    token_digest BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of the token in the link
    purpose      TEXT   NOT NULL,             -- 'recovery', 'verification', 'new_address', …
    user_id      BYTEA  NOT NULL,             -- users.user_id
    email        TEXT   NOT NULL,             -- the address that it was sent to
    expires_at   BIGINT NOT NULL              -- milliseconds since 1970, UTC
);

CREATE INDEX mail_links_by_user ON mail_links (user_id);
CREATE INDEX mail_links_by_expiry ON mail_links (expires_at);

-- Addresses that accounts are to have once their owner has confirmed them.
CREATE TABLE email_changes (
    user_id   BYTEA  NOT NULL PRIMARY KEY, -- users.user_id
    new_email TEXT   NOT NULL,             -- canonical address
    asked_at  BIGINT NOT NULL              -- milliseconds since 1970, UTC
);

CREATE INDEX email_changes_by_time ON email_changes (asked_at);

-- From what an account was used, so that its owner is notified of something new, in the language of the
-- last use.
CREATE TABLE known_devices (
    user_id  BYTEA  NOT NULL, -- users.user_id
    device   TEXT   NOT NULL, -- 'Firefox on Linux'
    language TEXT   NOT NULL, -- 'en' or 'ko'
    seen_at  BIGINT NOT NULL, -- milliseconds since 1970, UTC: the last sign-in
    PRIMARY KEY (user_id, device)
);

CREATE INDEX known_devices_by_time ON known_devices (seen_at);
