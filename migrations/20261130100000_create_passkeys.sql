-- Passkeys of accounts. No foreign key here and below: what deletes them is said in code.
CREATE TABLE passkeys (
    passkey_id    BYTEA   NOT NULL PRIMARY KEY, -- UUIDv7
    user_id       BYTEA   NOT NULL,             -- users.user_id
    credential_id BYTEA   NOT NULL UNIQUE,      -- chosen by the authenticator; of one account only
    credential    TEXT    NOT NULL,             -- JSON: the public key and what it was made with
    name          TEXT    NOT NULL,             -- chosen by its owner
    sign_count    BIGINT  NOT NULL,             -- the highest so far; 0 where the key does not count
    backed_up     BOOLEAN NOT NULL,             -- whether it was at its last use
    created_at    BIGINT  NOT NULL,             -- milliseconds since 1970, UTC, as all below
    last_used_at  BIGINT                        -- NULL before the first use
);

CREATE INDEX passkeys_by_user ON passkeys (user_id, passkey_id);

-- Challenges that browsers were asked to sign. Using one deletes it, whatever comes of it.
CREATE TABLE passkey_ceremonies (
    challenge_digest BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of the challenge
    binding          BYTEA  NOT NULL,             -- a digest of what only the asking browser has
    purpose          TEXT   NOT NULL,             -- 'register', 'sign_in' or 'prove'
    user_id          BYTEA,                       -- users.user_id; NULL for 'sign_in'
    state            TEXT   NOT NULL,             -- JSON: the challenge and what was asked for
    expires_at       BIGINT NOT NULL
);

CREATE INDEX passkey_ceremonies_by_expiry ON passkey_ceremonies (expires_at);
CREATE INDEX passkey_ceremonies_by_user ON passkey_ceremonies (user_id);

-- Passkeys that were deleted while the sessions that they started are in another store, which has
-- still to be told.
CREATE TABLE removed_passkeys (
    passkey_id BYTEA  NOT NULL PRIMARY KEY, -- passkeys.passkey_id
    user_id    BYTEA  NOT NULL,             -- whose sessions end
    removed_at BIGINT NOT NULL
);

-- The passkey that started a session, and whether no password was asked for.
ALTER TABLE sessions ADD COLUMN passkey_id    BYTEA;
ALTER TABLE sessions ADD COLUMN passkey_alone BOOLEAN NOT NULL DEFAULT FALSE;

-- An order that ends the sessions of a passkey names it.
ALTER TABLE session_orders ADD COLUMN passkey_id BYTEA;
