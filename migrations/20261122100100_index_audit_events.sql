-- What administrators look for besides: all that happened in one session, or from one address. An
-- event_id begins with its time, so each of these lists the newest first.
CREATE INDEX audit_events_by_session ON audit_events (session_id, event_id);
CREATE INDEX audit_events_by_network ON audit_events (network, event_id);
