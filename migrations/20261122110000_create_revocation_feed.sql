-- What ended sessions are read by in the order of their ends. A step is a transaction that ended
-- some: in PostgreSQL by its own number, which says whether a reader has seen it already, in SQLite
-- by one that counts up. 0 is from before there was a feed.
ALTER TABLE ended_sessions ADD COLUMN step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ended_sessions ADD COLUMN user_id BYTEA; -- NULL for an anonymous visitor
CREATE INDEX ended_sessions_by_step ON ended_sessions (step, session_id);

-- The one row of what the feed itself has to know.
CREATE TABLE revocation_feed (
    identity  TEXT   NOT NULL, -- part of every cursor; another one makes all that were given useless
    forgotten BIGINT NOT NULL  -- the highest step of which something was forgotten
);

INSERT INTO revocation_feed (identity, forgotten) VALUES (CAST(random() AS TEXT), 0);
