-- One row per person.
CREATE TABLE users (
    user_id        BYTEA   NOT NULL PRIMARY KEY, -- UUIDv7, never reused
    email          TEXT    NOT NULL UNIQUE,      -- canonical form, the only key for sign-in
    email_verified BOOLEAN NOT NULL,             -- set by an administrator or the command line
    name           TEXT    NOT NULL,             -- may be empty
    search_text    TEXT    NOT NULL,             -- address and name in lower case
    role           TEXT    NOT NULL,             -- 'user' or 'admin'
    status         TEXT    NOT NULL,             -- 'active' or 'disabled'
    password_hash  TEXT    NOT NULL,             -- PHC string, Argon2id
    created_at     BIGINT  NOT NULL              -- milliseconds since 1970, UTC
);

-- Finds the active administrators, of whom the last one must stay.
CREATE INDEX users_by_role ON users (role, status);

-- A session is live only under the epoch of its user. Rows outlive their user, so that a sign-in
-- under way when the account was deleted finds the higher epoch.
CREATE TABLE user_epochs (
    user_id   BYTEA  NOT NULL PRIMARY KEY, -- users.user_id
    epoch     BIGINT NOT NULL,             -- only ever rises
    reason    TEXT,                        -- why it rose last; NULL while it never did
    raised_at BIGINT                       -- milliseconds since 1970, UTC
);
