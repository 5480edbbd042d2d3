-- Applications and back ends that tokens are for. No foreign key here and below: what deletes rows is
-- said in code.
CREATE TABLE oauth_clients (
    client_id  BYTEA  NOT NULL PRIMARY KEY, -- UUIDv7
    name       TEXT   NOT NULL UNIQUE,      -- chosen by an administrator
    algorithm  TEXT   NOT NULL,             -- 'ES256', 'EdDSA' or 'HS256': signs its access tokens
    audiences  TEXT   NOT NULL,             -- separated by spaces; empty: the public URL
    scopes     TEXT   NOT NULL,             -- separated by spaces; may be empty
    created_at BIGINT NOT NULL              -- milliseconds since 1970, UTC, as all below
);

-- The secrets of a client: one, or two while its owner replaces it.
CREATE TABLE oauth_client_secrets (
    secret_id  BYTEA  NOT NULL PRIMARY KEY, -- UUIDv7
    client_id  BYTEA  NOT NULL,             -- oauth_clients.client_id
    digest     BYTEA  NOT NULL,             -- SHA-256 of the secret's text
    sealed     BYTEA,                       -- the secret, encrypted; NULL unless it signs tokens
    created_at BIGINT NOT NULL
);

CREATE INDEX oauth_client_secrets_by_client ON oauth_client_secrets (client_id, secret_id);

-- Keys that sign tokens. Each algorithm has one that signs, and one that is announced to sign next.
CREATE TABLE signing_keys (
    key_id       BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of the public key as RFC 7638 has it
    algorithm    TEXT   NOT NULL,             -- 'ES256' or 'EdDSA'
    public_key   BYTEA  NOT NULL,             -- an uncompressed point, or 32 bytes
    private_key  BYTEA  NOT NULL,             -- PKCS #8, encrypted
    announced_at BIGINT NOT NULL,             -- since when it is published
    signs_from   BIGINT,                      -- NULL: it is the next one
    retired_at   BIGINT                       -- NULL: no other signs in its place
);

CREATE UNIQUE INDEX signing_keys_next ON signing_keys (algorithm) WHERE signs_from IS NULL;
CREATE UNIQUE INDEX signing_keys_current ON signing_keys (algorithm)
    WHERE signs_from IS NOT NULL AND retired_at IS NULL;

-- Access tokens that were revoked one by one, until they expire.
CREATE TABLE denied_tokens (
    token_id   BYTEA  NOT NULL, -- the claim jti, which a client that signs chooses itself
    client_id  TEXT   NOT NULL, -- the claim client_id
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (token_id, client_id)
);

CREATE INDEX denied_tokens_by_expiry ON denied_tokens (expires_at);
