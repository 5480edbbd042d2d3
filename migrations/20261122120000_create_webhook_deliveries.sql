-- Events that the webhook has still to be told, or was not to be told of. A row is written in the
-- transaction of its event, and deleted once the receiver has said that it has it.
CREATE TABLE webhook_deliveries (
    event_id      BYTEA  NOT NULL PRIMARY KEY, -- audit_events.event_id; what receivers know it by
    body          TEXT   NOT NULL,             -- JSON, the same at each attempt
    attempts      BIGINT NOT NULL,             -- begun so far
    due_at        BIGINT NOT NULL,             -- of the next attempt: milliseconds since 1970, UTC
    claimed_until BIGINT NOT NULL,             -- before this, a server is at it; 0 where none is
    given_up_at   BIGINT                       -- NULL while there are attempts left
);

CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (due_at) WHERE given_up_at IS NULL;
CREATE INDEX webhook_deliveries_given_up ON webhook_deliveries (given_up_at)
    WHERE given_up_at IS NOT NULL;
