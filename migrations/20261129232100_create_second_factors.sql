-- The secrets of authenticator apps: of each account the one in use, and one that is being set up.
-- No foreign key here and below: what deletes them is said in code.
CREATE TABLE totp_secrets (
    totp_id    BYTEA   NOT NULL PRIMARY KEY, -- UUIDv7
    user_id    BYTEA   NOT NULL,             -- users.user_id
    is_active  BOOLEAN NOT NULL,             -- FALSE while it is being set up
    secret     BYTEA   NOT NULL,             -- encrypted under the key file
    last_step  BIGINT  NOT NULL,             -- the last accepted step of 30 s; only ever rises
    created_at BIGINT  NOT NULL              -- milliseconds since 1970, UTC, as all below
);

CREATE UNIQUE INDEX totp_secrets_by_user ON totp_secrets (user_id, is_active);
CREATE INDEX totp_secrets_by_time ON totp_secrets (is_active, created_at);

-- Recovery codes that can still be used. Using one deletes it.
CREATE TABLE recovery_codes (
    user_id   BYTEA NOT NULL, -- users.user_id
    selector  TEXT  NOT NULL, -- the first four characters of the code
    code_hash TEXT  NOT NULL, -- PHC string, Argon2id, of the others
    PRIMARY KEY (user_id, selector)
);

-- Sign-ins whose second step is missing. Not in sessions, so that no look-up of a session finds one.
CREATE TABLE pending_sessions (
    pending_digest  BYTEA   NOT NULL PRIMARY KEY, -- SHA-256 of the cookie's text
    user_id         BYTEA   NOT NULL,             -- users.user_id
    epoch           BIGINT  NOT NULL,             -- of the user when the password was right
    purpose         TEXT    NOT NULL,             -- 'code' or 'set_up'
    remember_me     BOOLEAN NOT NULL,
    previous_digest BYTEA,                        -- of the token that the browser had before
    codes           BIGINT  NOT NULL,             -- how many codes were compared
    expires_at      BIGINT  NOT NULL
);

CREATE INDEX pending_sessions_by_user ON pending_sessions (user_id);
CREATE INDEX pending_sessions_by_expiry ON pending_sessions (expires_at);
