//! The service: remembers clients and keys under a lease, signs and verifies access tokens.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use secrecy::SecretString;
use time::OffsetDateTime;

use super::client::MOST_CLIENTS;
use super::key_rotation::RETIRED_KEY_RETENTION;
use super::{
    AccessRequest, AddClientError, Algorithm, ClientId, ClientSecret, ClientSecretId, DeniedToken,
    IdTokenRequest, KeyRotation, KeyState, MintError, NewClient, NewKey, NewSecret, OAuthClient,
    Registry, RotateError, SigningKey, TokenStore,
};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::sessions::{AccessToken, AccessTokenId, Sessions};

/// The dependencies of [`Tokens`].
pub struct TokensOptions {
    /// Where clients and keys are stored.
    pub store: Arc<dyn TokenStore>,
    /// The sessions, whose lease says what may be remembered.
    pub sessions: Sessions,
    /// The public URL, the `iss` of every token.
    pub issuer: Box<str>,
    /// How long an access token is valid (`ACCESS_TOKEN_LIFETIME`); `None` for no tokens at all.
    pub lifetime: Option<Duration>,
    /// The time.
    pub clock: Clock,
    /// The source of ids and secrets.
    pub entropy: Entropy,
}

/// Clients, keys and access tokens. Cheap to clone; clones share one state.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    options: TokensOptions,
    /// The registry, and the number under which it was read.
    remembered: RwLock<Option<(u64, Arc<Registry>)>>,
}

/// A signed access token.
#[derive(Clone)]
pub struct IssuedToken {
    /// Its id.
    pub id: AccessTokenId,
    /// Its text, for the client only.
    pub text: SecretString,
    /// How long it is valid.
    pub expires_in: Duration,
}

impl Tokens {
    /// A service over these dependencies.
    #[must_use]
    pub fn new(options: TokensOptions) -> Self {
        Self(Arc::new(Inner { options, remembered: RwLock::default() }))
    }

    pub(super) fn store(&self) -> &dyn TokenStore {
        &*self.0.options.store
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.0.options.sessions
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.0.options.clock.now()
    }

    /// The public URL, the `iss` of every token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.options.issuer
    }

    /// Clients and keys as they are now: from memory under a lease, else from the store.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or something in it cannot be decrypted.
    pub async fn registry(&self) -> Result<Arc<Registry>, StoreError> {
        let number = self.sessions().remembering();
        let remembered = self.0.remembered.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let (Some(number), Some((of, registry))) = (number, remembered)
            && number == of
        {
            return Ok(registry);
        }
        let (clients, keys) = (self.store().clients().await?, self.store().keys().await?);
        let registry = Arc::new(Registry { issuer: self.0.options.issuer.clone(), clients, keys });
        if let Some(number) = number {
            let mut kept = self.0.remembered.write().unwrap_or_else(PoisonError::into_inner);
            *kept = Some((number, Arc::clone(&registry)));
        }
        Ok(registry)
    }

    /// As [`Tokens::registry`]; `None` while tokens are off or there is no client.
    ///
    /// # Errors
    /// As [`Tokens::registry`].
    pub async fn open(&self) -> Result<Option<Arc<Registry>>, StoreError> {
        if self.0.options.lifetime.is_none() {
            return Ok(None);
        }
        let registry = self.registry().await?;
        Ok(Some(registry).filter(|registry| !registry.clients.is_empty()))
    }

    /// Signs an access token. Its session was found live a moment ago, under the rules of a check.
    ///
    /// # Errors
    /// [`MintError`]; nothing was signed.
    pub fn mint(
        &self,
        registry: &Registry,
        request: &AccessRequest<'_>,
    ) -> Result<IssuedToken, MintError> {
        let now = self.now();
        let id = AccessTokenId::from_uuid(self.0.options.entropy.id(now)?);
        self.mint_as(registry, request, (id, now))
    }

    /// As [`Tokens::mint`], under this id, and as of an instant before the session was looked up.
    pub(crate) fn mint_as(
        &self,
        registry: &Registry,
        request: &AccessRequest<'_>,
        (id, now): (AccessTokenId, OffsetDateTime),
    ) -> Result<IssuedToken, MintError> {
        let options = &self.0.options;
        let (text, expires_at) =
            registry.mint(request, (id, now, options.lifetime.unwrap_or_default()))?;
        // Of whole seconds, as the claims have them.
        let seconds = expires_at.unix_timestamp() - now.unix_timestamp();
        let expires_in = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        Ok(IssuedToken { id, text: text.into(), expires_in })
    }

    /// The access token of this text, if this server signed it and it has not expired. Whether its
    /// session is live, and whether it was revoked, is not looked at.
    #[must_use]
    pub(crate) fn verify(&self, registry: &Registry, text: &str) -> Option<AccessToken> {
        registry.verify(text, self.now())
    }

    /// Signs an ID token. It is valid as long as an access token.
    ///
    /// # Errors
    /// [`MintError`]; nothing was signed.
    pub(crate) fn mint_id_token(
        &self,
        registry: &Registry,
        request: &IdTokenRequest<'_>,
        now: OffsetDateTime,
    ) -> Result<String, MintError> {
        registry.mint_id_token(request, (now, self.lifetime()))
    }

    /// How long an access token is valid.
    #[must_use]
    pub(crate) fn lifetime(&self) -> Duration {
        self.0.options.lifetime.unwrap_or_default()
    }

    /// Whether an access token was revoked.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn is_denied(&self, token: &AccessToken) -> Result<bool, StoreError> {
        self.store().is_denied(token).await
    }

    /// Revokes an access token. Returns once no server accepts it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it may be revoked.
    pub(crate) async fn deny(&self, token: &DeniedToken) -> Result<(), StoreError> {
        let denied = self.store().deny(token).await;
        self.sessions().forget_access_token(token.id).await;
        denied
    }

    /// Registers a client. The secret is shown once; a public client has none.
    ///
    /// # Errors
    /// [`AddClientError`]; nothing has changed.
    pub(crate) async fn add_client(
        &self,
        new: &NewClient,
    ) -> Result<(OAuthClient, Option<ClientSecret>), AddClientError> {
        let registry = self.registry().await?;
        if registry.clients.len() >= MOST_CLIENTS {
            return Err(AddClientError::TooMany);
        }
        let now = self.now();
        let id = ClientId::from_uuid(self.0.options.entropy.id(now).map_err(StoreError::from)?);
        let client = new.checked((id, now), self.issuer())?;
        self.create_keys().await?;
        let made = if client.is_public { None } else { Some(self.new_secret(&client, 0)?) };
        let (secret, stored) = made.unzip();
        let added = self.store().add_client(&client, stored.as_ref()).await;
        self.sessions().forget_everything().await;
        let secrets = stored.into_iter().map(Into::into).collect();
        added.map(|()| (OAuthClient { secrets, ..client }, secret))
    }

    /// Gives a client another secret, which is shown once. The latest secret before it stays valid
    /// with `keep_latest`. Returns the client with its secrets as they are then.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn rotate_secret(
        &self,
        mut client: OAuthClient,
        keep_latest: bool,
    ) -> Result<Option<(OAuthClient, ClientSecret)>, StoreError> {
        let (secret, stored) = self.new_secret(&client, u32::from(keep_latest))?;
        let added = self.store().add_secret(client.id, &stored).await;
        self.sessions().forget_everything().await;
        client.secrets.truncate(usize::from(keep_latest));
        client.secrets.insert(0, stored.into());
        Ok(added?.then_some((client, secret)))
    }

    fn new_secret(
        &self,
        client: &OAuthClient,
        earlier: u32,
    ) -> Result<(ClientSecret, NewSecret), StoreError> {
        let (entropy, created_at) = (&self.0.options.entropy, self.now());
        let secret = ClientSecret::generate(entropy)?;
        let stored = NewSecret {
            id: ClientSecretId::from_uuid(entropy.id(created_at)?),
            digest: secret.digest(),
            text: (client.algorithm == Algorithm::Hs256).then(|| secret.reveal().into()),
            created_at,
            earlier,
        };
        Ok((secret, stored))
    }

    /// Removes a client. Its tokens are refused once this returns.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn remove_client(&self, client: ClientId) -> Result<bool, StoreError> {
        let removed = self.store().remove_client(client).await;
        self.sessions().forget_everything().await;
        removed
    }

    /// Creates the keys of each algorithm that has none.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails, or there is no key file.
    pub(crate) async fn create_keys(&self) -> Result<(), StoreError> {
        let keys = self.store().keys().await?;
        for algorithm in Algorithm::WITH_KEY_PAIR {
            if keys.iter().any(|key| key.algorithm == algorithm) {
                continue;
            }
            let new = [NewKey::generate(algorithm)?, NewKey::generate(algorithm)?];
            let added = self.store().add_first_keys(algorithm, &new, self.now()).await;
            self.sessions().forget_everything().await;
            added?;
        }
        Ok(())
    }

    /// Lets the announced key of each algorithm sign, and announces others. Without `at_once` only
    /// where verifiers have had a day to fetch it.
    ///
    /// # Errors
    /// [`RotateError`]; where there are several algorithms, some may have been rotated.
    pub(crate) async fn rotate_keys(&self, at_once: bool) -> Result<Vec<Algorithm>, RotateError> {
        let (keys, now) = (self.store().keys().await?, self.now());
        let next: Vec<_> = keys.iter().filter(|key| key.state() == KeyState::Next).collect();
        if next.is_empty() {
            return Err(RotateError::NoKeys);
        }
        if let Some(young) = next.iter().find(|key| !at_once && !key.is_known(now)) {
            return Err(RotateError::TooEarly(young.algorithm));
        }
        self.rotate_to(next.into_iter(), now).await.map_err(RotateError::Store)
    }

    async fn rotate_to(
        &self,
        next: impl Iterator<Item = &SigningKey>,
        at: OffsetDateTime,
    ) -> Result<Vec<Algorithm>, StoreError> {
        let mut rotated = Vec::new();
        for key in next {
            let announced = NewKey::generate(key.algorithm)?;
            let rotation = KeyRotation { next: key.id, announced, at };
            let is_done = self.store().rotate(&rotation).await;
            self.sessions().forget_everything().await;
            if is_done? {
                rotated.push(key.algorithm);
            }
        }
        Ok(rotated)
    }

    /// Deletes every key and every secret that signs, so that all tokens are refused once this
    /// returns. No key file is needed.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn delete_keys(&self) -> Result<(), StoreError> {
        let deleted = self.store().delete_all_keys().await;
        self.sessions().forget_everything().await;
        deleted
    }

    /// Rotates the keys that have signed for long enough, and deletes those that nobody needs. A
    /// background task calls it. Returns the algorithms whose key was rotated.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub(crate) async fn maintain_keys(&self) -> Result<Vec<Algorithm>, StoreError> {
        let (registry, now) = (self.registry().await?, self.now());
        if keys_are_missing(&registry) {
            self.create_keys().await?;
        }
        let keys = &registry.keys;
        if keys.iter().any(|key| !key.is_published(now)) {
            self.store().delete_keys(now - RETIRED_KEY_RETENTION).await?;
            self.sessions().forget_everything().await;
        }
        let has_signed_long_enough = |algorithm: Algorithm| {
            keys.iter().any(|key| {
                key.algorithm == algorithm
                    && key.state() == KeyState::Signing
                    && key.has_signed_long_enough(now)
            })
        };
        let due = keys.iter().filter(|key| {
            key.state() == KeyState::Next
                && key.is_known(now)
                && has_signed_long_enough(key.algorithm)
        });
        self.rotate_to(due, now).await
    }
}

/// Whether there are clients, and no keys for them.
fn keys_are_missing(registry: &Registry) -> bool {
    registry.keys.is_empty() && !registry.clients.is_empty()
}
