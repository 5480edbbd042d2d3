//! ID tokens (`OpenID` Connect Core 1.0, section 2), and the claims of a user.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest as _, Sha256, Sha512};
use time::OffsetDateTime;

use super::claims::{authentication_methods, seconds};
use super::{Algorithm, OAuthClient, Scope};
use crate::accounts::User;
use crate::sessions::Session;

/// The `typ` of an ID token. It is none of an access token, so neither is taken for the other.
pub(super) const TYPE: &str = "JWT";

/// The scopes of `OpenID` Connect that this server knows.
pub(crate) const OPENID: &str = "openid";
const PROFILE: &str = "profile";
const EMAIL: &str = "email";
const GROUPS: &str = "groups";

/// An ID token to sign. It is not `Debug`, so that no log has the access token.
#[derive(Clone, Copy)]
pub struct IdTokenRequest<'r> {
    /// The session that it is about, which was found live a moment ago.
    pub session: &'r Session,
    /// Its user.
    pub user: &'r User,
    /// The client that it is for.
    pub client: &'r OAuthClient,
    /// The scopes that the user allows.
    pub scopes: &'r [Scope],
    /// The text by which the client recognises its request.
    pub nonce: Option<&'r str>,
    /// The access token that is sent along.
    pub access_token: &'r str,
}

/// The claims of a user by scope, as they are now.
#[derive(Serialize)]
pub(crate) struct UserClaims<'c> {
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<&'c str>>,
}

impl<'c> UserClaims<'c> {
    /// Those that the scopes include. `has` says whether a scope is among them.
    pub(crate) fn of(user: &'c User, has: impl Fn(&str) -> bool) -> Self {
        let name = Some(user.name.as_str()).filter(|name| !name.is_empty());
        let email = user.email.as_str();
        Self {
            sub: user.id.to_string(),
            name: name.filter(|_| has(PROFILE)),
            // It is the address, which is only for those who may know that.
            preferred_username: (has(PROFILE) && has(EMAIL)).then_some(email),
            email: has(EMAIL).then_some(email),
            email_verified: has(EMAIL).then_some(user.email_verified),
            groups: has(GROUPS).then(|| user.groups.iter().collect()),
        }
    }
}

#[derive(Serialize)]
pub(super) struct IdClaims<'c> {
    iss: &'c str,
    aud: String,
    azp: String,
    exp: u64,
    iat: u64,
    auth_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'c str>,
    amr: Vec<&'static str>,
    acr: &'static str,
    sid: String,
    at_hash: String,
    #[serde(flatten)]
    user: UserClaims<'c>,
}

impl<'c> IdClaims<'c> {
    pub(super) fn new(
        request: &IdTokenRequest<'c>,
        issuer: &'c str,
        (now, lifetime): (OffsetDateTime, Duration),
    ) -> Self {
        let IdTokenRequest { session, user, client, scopes, nonce, access_token } = *request;
        Self {
            iss: issuer,
            aud: client.id.to_string(),
            azp: client.id.to_string(),
            exp: seconds((now + lifetime).min(session.expires_at)),
            iat: seconds(now),
            auth_time: seconds(session.authenticated_at.unwrap_or(session.created_at)),
            nonce,
            amr: authentication_methods(session),
            acr: authentication_class(session),
            sid: session.id.to_string(),
            at_hash: hash_of(access_token, client.algorithm),
            user: UserClaims::of(user, |name| scopes.iter().any(|scope| scope.as_str() == name)),
        }
    }
}

/// The class of a session, `acr`: `2` with two factors, else `1`.
#[must_use]
pub(crate) fn authentication_class(session: &Session) -> &'static str {
    if authentication_methods(session).contains(&"mfa") { "2" } else { "1" }
}

/// The left half of the hash that the algorithm uses (`OpenID` Connect Core, section 3.1.3.6).
fn hash_of(access_token: &str, algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::Es256 | Algorithm::Hs256 => {
            URL_SAFE_NO_PAD.encode(&Sha256::digest(access_token)[..16])
        }
        Algorithm::EdDsa => URL_SAFE_NO_PAD.encode(&Sha512::digest(access_token)[..32]),
    }
}
