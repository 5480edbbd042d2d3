-- Ends of sessions that are kept in another store, which has still to be told: written in the step
-- that changes the account, and gone once that store has it.
CREATE TABLE session_outbox (
    user_id   BYTEA  NOT NULL, -- whose sessions end
    epoch     BIGINT NOT NULL, -- to raise to
    reason    TEXT   NOT NULL, -- why they end
    survivor  BYTEA,           -- handle (16), digest (32), new digest (32), 1 if proven (1) of the
                               -- session that goes on
    raised_at BIGINT NOT NULL, -- milliseconds since 1970, UTC
    PRIMARY KEY (user_id, epoch)
);
