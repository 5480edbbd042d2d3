-- One row per live session. Ending one deletes the row, so that a late update finds nothing to
-- bring back. No foreign key: what ends sessions is said in code, with its reason.
CREATE TABLE sessions (
    session_id          BYTEA   NOT NULL PRIMARY KEY, -- public handle, UUIDv7
    token_digest        BYTEA   NOT NULL UNIQUE,      -- SHA-256 of the cookie's text
    user_id             BYTEA,                        -- NULL for an anonymous visitor
    epoch               BIGINT,                       -- of the user; NULL for an anonymous visitor
    created_at          BIGINT  NOT NULL,             -- milliseconds since 1970, UTC, as all below
    authenticated_at    BIGINT,                       -- NULL for an anonymous visitor
    last_seen_at        BIGINT  NOT NULL,             -- only ever rises
    expires_at          BIGINT  NOT NULL,             -- never moves
    timeout_rule        BIGINT  NOT NULL,             -- 0 standard, 1 remembered, 2 administrator
    remember_me         BOOLEAN NOT NULL,
    ip_address          TEXT,                         -- at the start; NULL where not known
    user_agent          TEXT    NOT NULL,             -- at the start; may be empty
    visitor_data        BYTEA   NOT NULL,             -- JSON of the browser; empty before the first
    visitor_version     BIGINT  NOT NULL,             -- counts the writes
    application_data    BYTEA   NOT NULL,             -- of server code, out of the browser's reach
    application_version BIGINT  NOT NULL              -- counts the writes
);

CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_idleness ON sessions (timeout_rule, last_seen_at);

-- How a token ended: kept for a day, then forgotten.
CREATE TABLE ended_sessions (
    token_digest BYTEA   NOT NULL PRIMARY KEY, -- SHA-256 of the cookie's text
    session_id   BYTEA   NOT NULL,            -- several rows where the session was rotated
    reason       TEXT    NOT NULL,            -- a word of the API, for example 'signed_out'
    ended_at     BIGINT  NOT NULL,            -- milliseconds since 1970, UTC
    anonymous    BOOLEAN NOT NULL,            -- whether it was a visitor's who had not signed in
    rotated_away BOOLEAN NOT NULL             -- whether the session went on under another token
);

CREATE INDEX ended_sessions_by_id ON ended_sessions (session_id);
CREATE INDEX ended_sessions_by_time ON ended_sessions (ended_at);
