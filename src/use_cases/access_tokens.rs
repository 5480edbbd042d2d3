//! Access tokens: signs them for a session, and finds the session that one shows.

use std::sync::Arc;

use super::check::{Check, Identity};
use super::run_to_completion;
use crate::accounts::User;
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::sessions::cache::RememberedAccessToken;
use crate::sessions::{AccessToken, Origin, ResumeError, Session, Sessions, TokenDigest};
use crate::tokens::{AccessRequest, IssuedToken, MintError, OAuthClient, Registry, Scope, Tokens};

/// Signs access tokens, and checks them.
#[derive(Clone)]
pub struct AccessTokens {
    tokens: Tokens,
    check: Check,
    sessions: Sessions,
    audit: AuditTrail,
}

/// A valid access token, and who holds its session. Cheap to clone.
#[derive(Clone, Debug)]
pub struct TokenHolder {
    /// The token.
    pub token: Arc<AccessToken>,
    /// Its session and its user.
    pub identity: Identity,
}

/// Why no access token was signed.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// No client has the audience, or the user is in none of its groups.
    #[error("no client has this audience for you")]
    UnknownAudience,
    /// The client of the audience may not have a scope.
    #[error("the client of this audience may not have the scope {0}")]
    InvalidScope(String),
    /// The token could not be signed.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The runtime ended.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccessTokens {
    /// Creates the use case.
    #[must_use]
    pub fn new(tokens: Tokens, check: Check, sessions: Sessions, audit: AuditTrail) -> Self {
        Self { tokens, check, sessions, audit }
    }

    /// The clients and the keys; `None` while tokens are off or there is no client.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn registry(&self) -> Result<Option<Arc<Registry>>, StoreError> {
        self.tokens.open().await
    }

    /// The public URL, the `iss` of every token.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.tokens.issuer()
    }

    /// The audience whose tokens count: at the origin of an application its own, else the public URL.
    #[must_use]
    pub fn audience_at<'t>(&'t self, application: Option<&'t Origin>) -> &'t str {
        application.map_or(self.issuer(), Origin::as_str)
    }

    /// Signs an access token for a session that was found live a moment ago. Without an audience it
    /// is for the public URL.
    ///
    /// # Errors
    /// [`IssueError`]; nothing was signed.
    pub async fn issue(
        &self,
        registry: &Registry,
        (session, user): (&Session, &User),
        (audience, scope): (Option<&str>, &str),
        by: &By,
    ) -> Result<IssuedToken, IssueError> {
        let audience = audience.unwrap_or(self.issuer());
        let client = registry.client_of(audience).filter(|client| client.admits(user));
        let client = client.ok_or(IssueError::UnknownAudience)?;
        let scopes = scopes_of(client, scope)?;
        let request = AccessRequest { session, user, client, audience, scopes: &scopes };
        let issued = self.tokens.mint(registry, &request)?;
        let event = Event::new(Kind::TokenIssued, by)
            .about(user.id)
            .with("client", client.id.to_string())
            .with("audience", audience.to_owned())
            .with("token", issued.id.to_string());
        let audit = self.audit.clone();
        run_to_completion(async move { audit.record([event]).await }).await?;
        Ok(issued)
    }

    /// The valid access token of this digest, where it is remembered under a lease.
    #[must_use]
    pub fn remembered(&self, digest: &TokenDigest) -> Option<TokenHolder> {
        let RememberedAccessToken { token, session, user } =
            self.sessions.remembered_access_token(digest)?;
        Some(TokenHolder { token, identity: Identity { session, user, under_lease: true } })
    }

    /// The access token of this text and who holds its session, if this server signed it, it has not
    /// expired and was not revoked, and its session is live. `None`: it is not valid.
    ///
    /// # Errors
    /// [`StoreError`] when a store fails; then nothing is known about the token.
    pub async fn who(&self, text: &str) -> Result<Option<TokenHolder>, StoreError> {
        let digest = TokenDigest::of(text);
        if let Some(holder) = self.remembered(&digest) {
            return Ok(Some(holder));
        }
        // Before everything that is read, so that a change in between keeps it out of the cache.
        let ticket = self.sessions.ticket();
        let Some(registry) = self.tokens.open().await? else { return Ok(None) };
        let Some(token) = self.tokens.verify(&registry, text) else { return Ok(None) };
        if self.tokens.is_denied(&token).await? {
            self.sessions.wait_for_denied(token.id).await?;
            return Ok(None);
        }
        let (session, session_token, account) = match self.check.by_id(token.session).await {
            Ok(found) => found,
            Err(ResumeError::Unknown | ResumeError::Ended(_)) => return Ok(None),
            Err(ResumeError::Store(error)) => return Err(error),
        };
        if session.owner.user() != Some(token.user) {
            return Ok(None);
        }
        let client = registry.client(&token.client);
        let user = account.as_ref().map(|account| &account.user);
        let Some((client, user)) = client.zip(user).filter(|(client, user)| client.admits(user))
        else {
            return Ok(None);
        };
        if token.is_delegated && self.tokens.consent(user.id, client.id).await?.is_none() {
            return Ok(None);
        }
        let (token, session) = (Arc::new(token), Arc::new(session));
        if let Some(ticket) = ticket {
            let shown = (&session, account.as_ref());
            let token = (&token, session_token);
            self.sessions.remember_access_token(ticket, &digest, token, shown);
        }
        let user = account.map(|account| Arc::new(account.user));
        Ok(Some(TokenHolder { token, identity: Identity { session, user, under_lease: false } }))
    }

    /// As [`AccessTokens::who`], for a client that asks (RFC 7662): only for tokens that are meant
    /// for it, or that it got.
    ///
    /// # Errors
    /// As [`AccessTokens::who`].
    pub async fn introspect(
        &self,
        client: &OAuthClient,
        text: &str,
    ) -> Result<Option<TokenHolder>, StoreError> {
        let holder = self.who(text).await?;
        Ok(holder.filter(|holder| {
            let token = &holder.token;
            // A client without an audience shares the public URL with others.
            let is_own = !client.audiences.is_empty() || client.may_act_for_users();
            let is_meant = is_own && client.has_audience(&token.audience, self.issuer());
            is_meant || is_of(token, client)
        }))
    }

    /// Revokes an access token of this client (RFC 7009). Any other is left as it is. Returns once no
    /// server accepts it.
    ///
    /// # Errors
    /// [`StoreError`] when a store fails; then it may be revoked.
    pub async fn revoke(
        &self,
        registry: &Registry,
        client: &OAuthClient,
        text: &str,
    ) -> Result<(), StoreError> {
        let token = self.tokens.verify(registry, text);
        let Some(token) = token.filter(|token| is_of(token, client)) else { return Ok(()) };
        let tokens = self.tokens.clone();
        run_to_completion(async move { tokens.deny(&(&token).into()).await }).await?
    }
}

/// Whether the client got the token.
fn is_of(token: &AccessToken, client: &OAuthClient) -> bool {
    *token.client == *client.id.to_string()
}

/// The scopes that were asked for, each once.
fn scopes_of(client: &OAuthClient, asked: &str) -> Result<Vec<Scope>, IssueError> {
    let mut scopes: Vec<Scope> = Vec::new();
    for name in asked.split(' ').filter(|name| !name.is_empty()) {
        let allowed = client.scopes.iter().find(|scope| scope.as_str() == name);
        let allowed = allowed.ok_or_else(|| IssueError::InvalidScope(name.to_owned()))?;
        if !scopes.contains(allowed) {
            scopes.push(allowed.clone());
        }
    }
    Ok(scopes)
}
