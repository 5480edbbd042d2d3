-- Further tokens of sessions, each for one other origin. A child is live only while its parent is a
-- row of sessions, from which its user, its deadlines and its activity are read. After that its end
-- is the one of its parent in ended_sessions, and both are deleted together. No foreign key: ending
-- a session does not touch its children.
CREATE TABLE child_sessions (
    child_id          BYTEA  NOT NULL PRIMARY KEY, -- public handle, UUIDv7
    child_digest      BYTEA  NOT NULL UNIQUE,      -- SHA-256 of the cookie's text
    parent_id         BYTEA  NOT NULL,             -- the session that it belongs to
    origin            TEXT   NOT NULL,             -- 'https://wiki.example.org'
    started_at        BIGINT NOT NULL,             -- milliseconds since 1970, UTC, as all below
    parent_expires_at BIGINT NOT NULL,             -- of the parent, for the search for orphans
    client_address    TEXT,                        -- at the start; NULL where not known
    client_agent      TEXT   NOT NULL              -- at the start; may be empty
);

CREATE UNIQUE INDEX child_sessions_by_parent ON child_sessions (parent_id, origin);
CREATE INDEX child_sessions_by_expiry ON child_sessions (parent_expires_at);

-- A child that ended alone, while its parent lived on.
ALTER TABLE ended_sessions ADD COLUMN is_child BOOLEAN NOT NULL DEFAULT FALSE;

-- Codes that take a browser from one origin to another. Taking one deletes it.
CREATE TABLE handover_codes (
    code_digest  BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of the code's text
    session_id   BYTEA  NOT NULL,             -- the session that it hands over
    origin       TEXT   NOT NULL,             -- the origin that may redeem it
    state_digest BYTEA  NOT NULL,             -- SHA-256 of the state that the browser must have
    expires_at   BIGINT NOT NULL              -- milliseconds since 1970, UTC
);

CREATE INDEX handover_codes_by_session ON handover_codes (session_id, expires_at);
CREATE INDEX handover_codes_by_expiry ON handover_codes (expires_at);
