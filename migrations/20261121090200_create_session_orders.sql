-- What servers that keep sessions in their own memory must do to them. Each server follows the
-- list from the position at which it started.
CREATE TABLE session_orders (
    position   BIGINT NOT NULL PRIMARY KEY, -- 1, 2, 3 …
    kind       TEXT   NOT NULL,             -- 'raise_epoch', 'end_one' or 'end_all'
    user_id    BYTEA,                       -- of raise_epoch
    epoch      BIGINT,                      -- of raise_epoch: the epoch to raise to
    survivor   BYTEA,                       -- of raise_epoch: handle (16), digest (32), new digest
                                            -- (32), 1 if proven (1) of the session that goes on
    session_id BYTEA,                       -- of end_one
    reason     TEXT   NOT NULL,             -- why the sessions end
    ordered_at BIGINT NOT NULL              -- milliseconds since 1970, UTC
);

CREATE INDEX session_orders_by_time ON session_orders (ordered_at);
