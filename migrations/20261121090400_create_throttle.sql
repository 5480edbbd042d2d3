-- How often somebody has tried lately. Each counter is a time that moves on with each attempt; once
-- it has passed, the row counts for nothing and is swept.
CREATE TABLE throttle_counters (
    subject    BYTEA  NOT NULL, -- SHA-256 of an address, whether or not an account has it, or of a network
    scope      TEXT   NOT NULL, -- which counter of it, for example 'short 192.0.2.1'
    busy_until BIGINT NOT NULL, -- milliseconds since 1970, UTC
    PRIMARY KEY (subject, scope)
);

CREATE INDEX throttle_counters_by_time ON throttle_counters (busy_until);

-- Networks from which the owner of an account came. What strangers try elsewhere does not keep them
-- out there.
CREATE TABLE known_networks (
    subject BYTEA  NOT NULL, -- SHA-256 of the address of the account
    network TEXT   NOT NULL, -- an IPv4 address or an IPv6 /64
    seen_at BIGINT NOT NULL, -- milliseconds since 1970, UTC: the last time
    PRIMARY KEY (subject, network)
);

CREATE INDEX known_networks_by_time ON known_networks (seen_at);
