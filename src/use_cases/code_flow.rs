//! Sign-in to clients by the code flow (RFC 6749, section 4.1; `OpenID` Connect Core 1.0, section 3.1).

use secrecy::ExposeSecret as _;

use super::check::Check;
use super::run_to_completion;
use crate::accounts::{User, UserId};
use crate::audit::{AuditTrail, By, Event, Kind};
use crate::failure::StoreError;
use crate::sessions::{HandoverCode, HandoverError, NewHandover, ResumeError, SessionId, Sessions};
use crate::tokens::{
    AccessRequest, AuthorizationCode, ClientId, CodeRequest, Consent, DeniedToken, IdTokenRequest,
    IssuedToken, MintError, OAuthClient, OPENID, RedirectUri, Registry, Scope, Tokens, origin_of,
    seconds,
};

/// Signs people in to clients: asks for their consent, and exchanges codes for tokens.
#[derive(Clone)]
pub struct CodeFlow {
    tokens: Tokens,
    check: Check,
    sessions: Sessions,
    audit: AuditTrail,
}

/// A code as a client sent it. It is not `Debug`, so that no log has it.
#[derive(Clone)]
pub struct PresentedCode {
    /// The value of `code`.
    pub code: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// The verifier of PKCE.
    pub verifier: String,
    /// The audience, where the request names it again.
    pub resource: Option<String>,
}

/// The tokens for a code.
pub struct Exchanged {
    /// The access token.
    pub access: IssuedToken,
    /// The ID token; `None` without the scope `openid`.
    pub id_token: Option<String>,
    /// The scopes of the access token, separated by spaces.
    pub scope: String,
}

/// A client that a user allows.
#[derive(Clone, Debug)]
pub struct AllowedClient {
    /// Its name.
    pub name: Box<str>,
    /// The consent.
    pub consent: Consent,
}

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// It was not signed.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The session has ended, or has too many codes.
    #[error(transparent)]
    Handover(#[from] HandoverError),
}

/// Why a code was not exchanged.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// It is unknown, was used, has expired, is for another client, redirect URI or verifier, or its
    /// session has ended.
    #[error("the code cannot be used")]
    InvalidGrant,
    /// The code is for another audience.
    #[error("the code is for another audience")]
    InvalidTarget,
    /// The tokens could not be signed.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The store failed. The code may be used up.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CodeFlow {
    /// Creates the use case.
    #[must_use]
    pub fn new(tokens: Tokens, check: Check, sessions: Sessions, audit: AuditTrail) -> Self {
        Self { tokens, check, sessions, audit }
    }

    /// Whether the user has to be asked before a client gets these scopes at a redirect URI. A program
    /// of a device may pass itself off as another, so that nothing is remembered for it.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn needs_consent(
        &self,
        client: &OAuthClient,
        user: &User,
        (scopes, redirect_uri): (&[Scope], &str),
    ) -> Result<bool, StoreError> {
        if client.is_trusted {
            return Ok(false);
        }
        let is_of_one_owner =
            RedirectUri::parse(redirect_uri).is_some_and(|uri| uri.is_of_one_owner());
        if client.is_public && !is_of_one_owner {
            return Ok(true);
        }
        let Some(allowed) = self.tokens.consent(user.id, client.id).await? else { return Ok(true) };
        Ok(!scopes.iter().all(|scope| allowed.contains(scope)))
    }

    /// Writes that a user allows a client these scopes, too.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn consent(
        &self,
        client: &OAuthClient,
        user: &User,
        (scopes, by): (&[Scope], By),
    ) -> Result<(), StoreError> {
        let (tokens, audit) = (self.tokens.clone(), self.audit.clone());
        let (user, client, scopes) = (user.id, client.id, scopes.to_vec());
        let names: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
        let event = Event::new(Kind::ConsentGiven, &by)
            .about(user)
            .with("client", client.to_string())
            .with("scope", names.join(" "));
        let work = async move {
            if tokens.give_consent(user, client, scopes).await? {
                audit.record([event]).await;
            }
            Ok(())
        };
        run_to_completion(work).await?
    }

    /// The clients that a user allows, the oldest consent first.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn allowed_clients(&self, user: UserId) -> Result<Vec<AllowedClient>, StoreError> {
        let (registry, consents) =
            (self.tokens.registry().await?, self.tokens.consents(user).await?);
        let allowed = consents.into_iter().filter_map(|consent| {
            let client = registry.clients.iter().find(|client| client.id == consent.client)?;
            Some(AllowedClient { name: client.name.clone(), consent })
        });
        Ok(allowed.collect())
    }

    /// Forgets the consent of a user to a client. Its tokens and codes are refused once this returns.
    /// `false`: there was none.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; then it may be forgotten.
    pub async fn withdraw(
        &self,
        user: UserId,
        client: ClientId,
        by: By,
    ) -> Result<bool, StoreError> {
        let (tokens, audit) = (self.tokens.clone(), self.audit.clone());
        let work = async move {
            if !tokens.withdraw_consent(user, client).await? {
                return Ok(false);
            }
            let event = Event::new(Kind::ConsentWithdrawn, &by).about(user);
            audit.record([event.with("client", client.to_string())]).await;
            Ok(true)
        };
        run_to_completion(work).await?
    }

    /// A code for a request that the user of this session allows.
    ///
    /// # Errors
    /// [`GrantError`]; there is no code, or one that nobody was given.
    pub async fn grant(
        &self,
        registry: &Registry,
        session: SessionId,
        request: &CodeRequest,
    ) -> Result<String, GrantError> {
        let (origin, binding) = (origin_of(request.client), request.binding());
        let code = self.sessions.prepare_handover(NewHandover { session, origin, binding }).await?;
        Ok(registry.sign_code(&request.text(&code))?)
    }

    /// Exchanges a code for tokens, once. A second exchange revokes the access token of the first.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub async fn exchange(
        &self,
        registry: &Registry,
        client: &OAuthClient,
        presented: PresentedCode,
        by: By,
    ) -> Result<Exchanged, ExchangeError> {
        // Before the session is looked up: no token is younger than that.
        let now = self.sessions.now();
        let text = registry.verified_code(&presented.code, now);
        let code = text.and_then(AuthorizationCode::parse).ok_or(ExchangeError::InvalidGrant)?;
        let details = code.details().ok_or(ExchangeError::InvalidGrant)?;
        // After this, whichever clock made it, nothing is left that a second use could end.
        let kept = 2 * HandoverCode::LIFETIME + self.tokens.lifetime();
        let is_old = seconds(now) > details.made_at.saturating_add(kept.as_secs());
        if is_old || details.client != client.id.to_string() {
            return Err(ExchangeError::InvalidGrant);
        }
        let first = client.first_audience(&registry.issuer);
        let audience = details.audience.as_deref().unwrap_or(first);
        if presented.resource.as_deref().is_some_and(|resource| resource != audience) {
            return Err(ExchangeError::InvalidTarget);
        }
        let session = self.take(client, &code, &presented).await?;
        let (session, _, account) = match self.check.by_id(session).await {
            Ok(found) => found,
            Err(ResumeError::Store(error)) => return Err(error.into()),
            Err(ResumeError::Unknown | ResumeError::Ended(_)) => {
                return Err(ExchangeError::InvalidGrant);
            }
        };
        let user = account.map(|account| account.user).filter(|user| client.admits(user));
        let user = user.ok_or(ExchangeError::InvalidGrant)?;
        let scopes = details.scopes();
        // It may have been withdrawn since the code was made.
        if !client.is_trusted && self.tokens.consent(user.id, client.id).await?.is_none() {
            return Err(ExchangeError::InvalidGrant);
        }
        let (session, user) = (&session, &user);
        let request = AccessRequest { session, user, client, audience, scopes: &scopes };
        let access = self.tokens.mint_as(registry, &request, (code.access_token_id(), now))?;
        let nonce = details.nonce.as_deref();
        let text = access.text.expose_secret();
        let request =
            IdTokenRequest { session, user, client, scopes: &scopes, nonce, access_token: text };
        let wants_id = scopes.iter().any(|scope| scope.as_str() == OPENID);
        let id_token =
            wants_id.then(|| self.tokens.mint_id_token(registry, &request, now)).transpose()?;
        let event = Event::new(Kind::TokenIssued, &by)
            .about(user.id)
            .with("client", client.id.to_string())
            .with("audience", audience.to_owned())
            .with("token", access.id.to_string());
        let audit = self.audit.clone();
        run_to_completion(async move { audit.record([event]).await }).await?;
        Ok(Exchanged { access, id_token, scope: details.scope })
    }

    /// Uses the code up, and finds its session. A second use of a code ends what was given
    /// for it.
    async fn take(
        &self,
        client: &OAuthClient,
        code: &AuthorizationCode,
        presented: &PresentedCode,
    ) -> Result<SessionId, ExchangeError> {
        let binding = code.binding(&presented.redirect_uri, &presented.verifier);
        let (sessions, tokens) = (self.sessions.clone(), self.tokens.clone());
        let (handover, origin) = (code.handover.clone(), origin_of(client.id));
        let used = DeniedToken {
            id: code.access_token_id(),
            client: client.id.to_string().into(),
            expires_at: sessions.now() + tokens.lifetime(),
        };
        let work = async move {
            if let Some(session) =
                sessions.redeem_handover(&handover, &origin, Some(&binding)).await?
            {
                return Ok(session);
            }
            tokens.deny(&used).await?;
            Err(ExchangeError::InvalidGrant)
        };
        run_to_completion(work).await?
    }
}
