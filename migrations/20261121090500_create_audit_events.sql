-- What happened, who did it and from where. Rows are added and never changed. No foreign key: an
-- event outlives the account and the session that it names.
CREATE TABLE audit_events (
    event_id    BYTEA  NOT NULL PRIMARY KEY, -- UUIDv7, sorts in the order of recording
    occurred_at BIGINT NOT NULL,             -- milliseconds since 1970, UTC
    kind        TEXT   NOT NULL,             -- a word of the API, for example 'login_failed'
    actor       TEXT   NOT NULL,             -- 'user', 'command_line', 'server' or 'nobody'
    actor_id    BYTEA,                       -- users.user_id, with actor 'user'
    subject_id  BYTEA,                       -- users.user_id; NULL where it is about no account
    session_id  BYTEA,                       -- public handle; NULL where it is about none
    network     TEXT,                        -- address of the browser; NULL where not known
    user_agent  TEXT   NOT NULL,             -- may be empty
    outcome     TEXT   NOT NULL,             -- 'ok', or a word for why not
    details     TEXT   NOT NULL              -- JSON object, by kind
);

-- An event_id begins with its time, so each of these lists the newest first.
CREATE INDEX audit_events_by_subject ON audit_events (subject_id, event_id);
CREATE INDEX audit_events_by_actor ON audit_events (actor_id, event_id);
CREATE INDEX audit_events_by_kind ON audit_events (kind, event_id);
