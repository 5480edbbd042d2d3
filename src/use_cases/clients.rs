//! Clients and signing keys, as administrators and commands change them.

use serde_json::Value;

use super::{Authorized, run_to_completion};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::tokens::{
    AddClientError, Algorithm, ClientSecret, NewClient, OAuthClient, RotateError, SigningKey,
    Tokens,
};

/// Registers and removes clients, and rotates their secrets and the signing keys.
#[derive(Clone)]
pub struct Clients {
    tokens: Tokens,
    audit: AuditTrail,
}

/// A client and its new secret, which is shown once.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    /// The client.
    pub client: OAuthClient,
    /// Its secret; `None` for a public client.
    pub secret: Option<ClientSecret>,
}

/// Why a client was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ClientChangeError {
    /// No client has this id or name.
    #[error("no such client")]
    NotFound,
    /// A public client.
    #[error("a public client has no secret")]
    HasNoSecret,
    /// The store failed. It is unknown whether the client was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Clients {
    /// Creates the use case.
    #[must_use]
    pub fn new(tokens: Tokens, audit: AuditTrail) -> Self {
        Self { tokens, audit }
    }

    /// Every client, in the order of their registration.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn list(&self) -> Result<Vec<OAuthClient>, StoreError> {
        Ok(self.tokens.registry().await?.clients.clone())
    }

    /// The client of this id or name.
    ///
    /// # Errors
    /// [`ClientChangeError`].
    pub async fn find(&self, text: &str) -> Result<OAuthClient, ClientChangeError> {
        let registry = self.tokens.registry().await?;
        registry.client_named(text).cloned().ok_or(ClientChangeError::NotFound)
    }

    /// Registers a client.
    ///
    /// # Errors
    /// [`AddClientError`]; nothing has changed.
    pub async fn add(
        &self,
        new: NewClient,
        authorized: &Authorized,
    ) -> Result<RegisteredClient, AddClientError> {
        let (tokens, audit, by) = self.parts(authorized);
        let work = async move {
            let (client, secret) = tokens.add_client(&new).await?;
            audit.record([about(Kind::ClientCreated, &client, &by)]).await;
            Ok(RegisteredClient { client, secret })
        };
        run_to_completion(work).await?
    }

    /// Gives a client another secret. The latest one stays valid, too, unless it is to be removed at
    /// once.
    ///
    /// # Errors
    /// [`ClientChangeError`].
    pub async fn rotate_secret(
        &self,
        client: OAuthClient,
        drop_latest: bool,
        authorized: &Authorized,
    ) -> Result<RegisteredClient, ClientChangeError> {
        if client.is_public {
            return Err(ClientChangeError::HasNoSecret);
        }
        let (tokens, audit, by) = self.parts(authorized);
        let work = async move {
            let rotated = tokens.rotate_secret(client, !drop_latest).await?;
            let (client, secret) = rotated.ok_or(ClientChangeError::NotFound)?;
            let earlier = if drop_latest { "removed" } else { "kept" };
            let event = about(Kind::ClientChanged, &client, &by).with("earlier_secret", earlier);
            audit.record([event]).await;
            Ok(RegisteredClient { client, secret: Some(secret) })
        };
        run_to_completion(work).await?
    }

    /// Removes a client. Its tokens are refused once this returns.
    ///
    /// # Errors
    /// [`ClientChangeError`].
    pub async fn remove(
        &self,
        client: OAuthClient,
        authorized: &Authorized,
    ) -> Result<(), ClientChangeError> {
        let (tokens, audit, by) = self.parts(authorized);
        let work = async move {
            if !tokens.remove_client(client.id).await? {
                return Err(ClientChangeError::NotFound);
            }
            audit.record([about(Kind::ClientRemoved, &client, &by)]).await;
            Ok(())
        };
        run_to_completion(work).await?
    }

    /// The signing keys, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn with_keys<T>(
        &self,
        show: impl FnOnce(&[SigningKey]) -> T,
    ) -> Result<T, StoreError> {
        Ok(show(&self.tokens.registry().await?.keys))
    }

    /// Lets the announced keys sign, and announces others. Returns their algorithms.
    ///
    /// # Errors
    /// [`RotateError`].
    pub async fn rotate_keys(
        &self,
        at_once: bool,
        authorized: &Authorized,
    ) -> Result<Vec<Algorithm>, RotateError> {
        let (tokens, audit, by) = self.parts(authorized);
        let work = async move {
            let rotated = tokens.rotate_keys(at_once).await?;
            audit.record(rotated_keys(&rotated, &by)).await;
            Ok(rotated)
        };
        run_to_completion(work).await?
    }

    /// Deletes every key and every secret that signs: all tokens are refused once this returns. Servers
    /// make new keys within half a minute.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn delete_keys(&self, authorized: &Authorized) -> Result<(), StoreError> {
        let (tokens, audit, by) = self.parts(authorized);
        let work = async move {
            tokens.delete_keys().await?;
            audit.record(rotated_keys(&Algorithm::ALL, &by)).await;
            Ok(())
        };
        run_to_completion(work).await?
    }

    /// Rotates the keys that have signed for 90 days, and deletes those that nobody needs.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn maintain_keys(&self) -> Result<(), StoreError> {
        let rotated = self.tokens.maintain_keys().await?;
        self.audit.record(rotated_keys(&rotated, &By::server())).await;
        Ok(())
    }

    fn parts(&self, authorized: &Authorized) -> (Tokens, AuditTrail, By) {
        (self.tokens.clone(), self.audit.clone(), authorized.by().clone())
    }
}

fn about(kind: Kind, client: &OAuthClient, by: &By) -> Event {
    let event = Event::new(kind, by).with("client", client.id.to_string());
    event.with("name", client.name.to_string())
}

fn rotated_keys(algorithms: &[Algorithm], by: &By) -> Option<Event> {
    let names: Vec<Value> = algorithms.iter().map(|one| one.as_str().into()).collect();
    (!names.is_empty()).then(|| Event::new(Kind::KeysRotated, by).with("algorithms", names))
}
