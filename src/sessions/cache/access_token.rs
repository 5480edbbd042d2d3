//! Access tokens as the cache knows them: views of a session that end with it.

use time::OffsetDateTime;

use crate::accounts::UserId;
use crate::entropy::id;
use crate::sessions::SessionId;

id! {
    /// The id of an access token, its claim `jti`. No session or child has the same.
    AccessTokenId
}

/// A valid access token. It shows one session to one audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// Its id.
    pub id: AccessTokenId,
    /// The session that it shows. It ends with it.
    pub session: SessionId,
    /// The user of that session.
    pub user: UserId,
    /// The id of the client that got it.
    pub client: Box<str>,
    /// The only audience that may accept it.
    pub audience: Box<str>,
    /// Its scopes, separated by spaces; may be empty.
    pub scope: Box<str>,
    /// Whether a client has the secret that signs it, so that the client can make such a token for
    /// anybody whose session it knows.
    pub is_client_signed: bool,
    /// Whether a client got it for somebody who signed in to it, and may not act for that person: it
    /// shows who that is, and opens nothing.
    pub is_delegated: bool,
    /// When it was signed.
    pub issued_at: OffsetDateTime,
    /// From this instant on it is refused.
    pub expires_at: OffsetDateTime,
}

impl AccessToken {
    /// Whether it counts at this server in place of the cookie. A token that a client could have made
    /// does not: only that client may believe it.
    #[must_use]
    pub(crate) fn is_for(&self, audience: &str) -> bool {
        !self.is_delegated && !self.is_client_signed && *self.audience == *audience
    }
}
