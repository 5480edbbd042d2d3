-- Addresses that are still whole, in the order of time: those past their time are shortened, and
-- finding them must not take a walk through everything that was ever recorded.
CREATE INDEX audit_events_with_address ON audit_events (occurred_at)
    WHERE network = replace(network, '/', '');
