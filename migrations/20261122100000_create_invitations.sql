-- Links by which somebody sets the password of an account: one for each account at most, gone once
-- it is used or void. No foreign key: what voids one is said in code.
CREATE TABLE invitations (
    user_id       BYTEA  NOT NULL PRIMARY KEY, -- users.user_id
    secret_digest BYTEA  NOT NULL UNIQUE,      -- SHA-256 of the secret in the link
    expires_at    BIGINT NOT NULL              -- milliseconds since 1970, UTC
);
