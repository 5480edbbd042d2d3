//! The trait of the store of clients, keys and revoked tokens.

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;

use super::{
    AddClientError, Algorithm, ClientId, ClientSecretId, NewKey, OAuthClient, Scope, SecretDigest,
    SigningKey, SigningKeyId, StoredSecret,
};
use crate::accounts::UserId;
use crate::failure::StoreError;
use crate::sessions::{AccessToken, AccessTokenId};

/// A new secret of a client.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// Its id.
    pub id: ClientSecretId,
    /// Its digest.
    pub digest: SecretDigest,
    /// Its text, which the store encrypts: only where it signs tokens.
    pub text: Option<SecretString>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// How many of the latest secrets stay valid.
    pub earlier: u32,
}

impl From<NewSecret> for StoredSecret {
    fn from(NewSecret { id, digest, text, created_at, .. }: NewSecret) -> Self {
        Self { id, digest, text, created_at }
    }
}

/// An access token that was revoked alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedToken {
    /// Its id. A client that signs chooses it itself.
    pub id: AccessTokenId,
    /// The id of the client that got it. It revokes no token of another client.
    pub client: Box<str>,
    /// From this instant on it is refused anyway.
    pub expires_at: OffsetDateTime,
}

impl From<&AccessToken> for DeniedToken {
    fn from(token: &AccessToken) -> Self {
        Self { id: token.id, client: token.client.clone(), expires_at: token.expires_at }
    }
}

/// The consent of a user to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The user.
    pub user: UserId,
    /// The client.
    pub client: ClientId,
    /// The scopes that its tokens may have.
    pub scopes: Vec<Scope>,
    /// When.
    pub given_at: OffsetDateTime,
}

/// A change of the key that signs.
#[derive(Clone, Debug)]
pub struct KeyRotation {
    /// The key that signs from now on, which was announced.
    pub next: SigningKeyId,
    /// The key that is announced instead.
    pub announced: NewKey,
    /// When.
    pub at: OffsetDateTime,
}

/// The store of clients, signing keys and revoked access tokens. Every change of a client or a key
/// invalidates all that other servers remember.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Every client, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or a secret cannot be decrypted.
    async fn clients(&self) -> Result<Vec<OAuthClient>, StoreError>;

    /// Every key, by algorithm, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or a key cannot be decrypted.
    async fn keys(&self) -> Result<Vec<SigningKey>, StoreError>;

    /// Adds a client and its first secret; a public one has none. An audience of a client with HS256 is of no other.
    ///
    /// # Errors
    /// [`AddClientError`]; nothing has changed.
    async fn add_client(
        &self,
        client: &OAuthClient,
        secret: Option<&NewSecret>,
    ) -> Result<(), AddClientError>;

    /// Adds a secret, and removes those beyond [`NewSecret::earlier`]. `false`: no such client.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn add_secret(&self, client: ClientId, secret: &NewSecret) -> Result<bool, StoreError>;

    /// Removes a client, its secrets and what people have allowed it. `false`: no such client.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn remove_client(&self, client: ClientId) -> Result<bool, StoreError>;

    /// Adds the first keys of an algorithm: one that signs from now on, and the next one. `false`:
    /// it has keys.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or there is no key file.
    async fn add_first_keys(
        &self,
        algorithm: Algorithm,
        keys: &[NewKey; 2],
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;

    /// Lets the announced key sign, and announces another. `false`: that key is not announced.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn rotate(&self, rotation: &KeyRotation) -> Result<bool, StoreError>;

    /// Deletes the keys that were retired before an instant. Returns their number.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn delete_keys(&self, retired_before: OffsetDateTime) -> Result<u64, StoreError>;

    /// Refuses an access token until it expires.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn deny(&self, token: &DeniedToken) -> Result<(), StoreError>;

    /// Whether an access token was revoked.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn is_denied(&self, token: &AccessToken) -> Result<bool, StoreError>;

    /// The scopes that a user has allowed a client; `None`: it was never allowed anything.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn consent(
        &self,
        user: UserId,
        client: ClientId,
    ) -> Result<Option<Vec<Scope>>, StoreError>;

    /// Adds to what a user allows a client. `false`: the user or the client is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn give_consent(&self, consent: &Consent) -> Result<bool, StoreError>;

    /// The consents of a user, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn consents(&self, user: UserId) -> Result<Vec<Consent>, StoreError>;

    /// Forgets what a user has allowed a client. `false`: nothing was.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn withdraw_consent(&self, user: UserId, client: ClientId) -> Result<bool, StoreError>;

    /// Deletes every key, and every secret that signs. None of them is decrypted.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    async fn delete_all_keys(&self) -> Result<(), StoreError>;
}
