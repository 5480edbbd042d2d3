-- Where the browsers of people who sign in to a client may be sent, and who may.
ALTER TABLE oauth_clients ADD COLUMN redirect_uris TEXT NOT NULL DEFAULT '';     -- separated by spaces
ALTER TABLE oauth_clients ADD COLUMN is_public BOOLEAN NOT NULL DEFAULT FALSE;   -- has no secret
ALTER TABLE oauth_clients ADD COLUMN is_trusted BOOLEAN NOT NULL DEFAULT FALSE;  -- nobody is asked
ALTER TABLE oauth_clients ADD COLUMN allowed_groups TEXT NOT NULL DEFAULT '';    -- with commas; empty: all

-- What people have allowed clients, until they withdraw it, or the account or the client is deleted.
CREATE TABLE consents (
    user_id   BYTEA  NOT NULL, -- users.user_id
    client_id BYTEA  NOT NULL, -- oauth_clients.client_id
    scopes    TEXT   NOT NULL, -- separated by spaces
    given_at  BIGINT NOT NULL, -- milliseconds since 1970, UTC
    PRIMARY KEY (user_id, client_id)
);

CREATE INDEX consents_by_client ON consents (client_id);
