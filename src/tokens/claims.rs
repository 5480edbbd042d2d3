//! The claims of access tokens (RFC 9068).

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Algorithm, OAuthClient, Scope};
use crate::accounts::{User, UserId};
use crate::clock::SKEW;
use crate::sessions::{AccessToken, AccessTokenId, Session, SessionId};

/// The `typ` of an access token. A token of another type is none.
pub(super) const TYPE: &str = "at+jwt";
/// The scope that adds the claim `groups`.
const GROUPS: &str = "groups";
/// No token lives longer (`ACCESS_TOKEN_LIFETIME`).
pub(super) const LONGEST_LIFETIME: Duration = Duration::from_hours(1);

/// An access token to sign.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'r> {
    /// The session that it shows, which was found live a moment ago.
    pub session: &'r Session,
    /// Its user.
    pub user: &'r User,
    /// The client that it is for.
    pub client: &'r OAuthClient,
    /// The only audience that may accept it.
    pub audience: &'r str,
    /// Its scopes, which the client may have.
    pub scopes: &'r [Scope],
}

#[derive(Serialize, Deserialize)]
pub(super) struct AccessClaims<'c> {
    iss: Cow<'c, str>,
    sub: Cow<'c, str>,
    pub(super) aud: Cow<'c, str>,
    exp: u64,
    iat: u64,
    /// Of no token of ours. A client whose secret signs may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<u64>,
    jti: Cow<'c, str>,
    pub(super) client_id: Cow<'c, str>,
    scope: Cow<'c, str>,
    sid: Cow<'c, str>,
    auth_time: u64,
    amr: Vec<Cow<'c, str>>,
    roles: Vec<Cow<'c, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<Cow<'c, str>>>,
}

impl<'c> AccessClaims<'c> {
    pub(super) fn new(
        request: &AccessRequest<'c>,
        issuer: &'c str,
        (id, now, lifetime): (AccessTokenId, OffsetDateTime, Duration),
    ) -> Self {
        let AccessRequest { session, user, client, audience, scopes } = *request;
        let has_groups = scopes.iter().any(|scope| scope.as_str() == GROUPS);
        let scopes: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
        Self {
            iss: issuer.into(),
            sub: user.id.to_string().into(),
            aud: audience.into(),
            // It never outlives its session.
            exp: seconds((now + lifetime).min(session.expires_at)),
            iat: seconds(now),
            nbf: None,
            jti: id.to_string().into(),
            client_id: client.id.to_string().into(),
            scope: scopes.join(" ").into(),
            sid: session.id.to_string().into(),
            auth_time: seconds(session.authenticated_at.unwrap_or(session.created_at)),
            amr: authentication_methods(session).into_iter().map(Cow::Borrowed).collect(),
            roles: vec![user.role.as_str().into()],
            groups: has_groups
                .then(|| user.groups.iter().map(|group| Cow::Owned(group.to_owned())).collect()),
        }
    }

    /// Reads the claims of a token. `None`: one is missing, twice there or of another type.
    pub(super) fn parse(claims: &[u8]) -> Option<Self> {
        // An array would do for the library.
        claims.starts_with(b"{").then(|| serde_json::from_slice(claims).ok())?
    }

    /// When it expires.
    pub(super) fn expires_at(&self) -> Option<OffsetDateTime> {
        instant(self.exp)
    }

    /// The token of these claims, whose signature in the way of this client was verified, unless another
    /// issuer made it, its times are none of ours, or it has expired at `now`.
    pub(super) fn access_token(
        &self,
        issuer: &str,
        (client, now): (&OAuthClient, OffsetDateTime),
    ) -> Option<AccessToken> {
        let (expires_at, issued_at) = (self.expires_at()?, instant(self.iat)?);
        // A client that signs chooses these itself.
        let is_ours = issued_at <= now + SKEW && expires_at <= issued_at + LONGEST_LIFETIME;
        if !is_ours || self.jti == self.sid {
            return None;
        }
        let is_early = self.nbf.is_some_and(|nbf| seconds(now) < nbf);
        if self.iss != issuer || now >= expires_at || is_early {
            return None;
        }
        Some(AccessToken {
            id: AccessTokenId::parse(&self.jti)?,
            session: SessionId::parse(&self.sid)?,
            user: UserId::parse(&self.sub)?,
            client: self.client_id.as_ref().into(),
            audience: self.aud.as_ref().into(),
            scope: self.scope.as_ref().into(),
            is_client_signed: client.algorithm == Algorithm::Hs256,
            is_delegated: !client.may_act_for_users(),
            issued_at,
            expires_at,
        })
    }
}

/// How the user of a session proved their identity, in the words of RFC 8176.
#[must_use]
pub(crate) fn authentication_methods(session: &Session) -> Vec<&'static str> {
    let proven = session.methods();
    let mut words: Vec<_> = proven
        .iter()
        .map(|method| match *method {
            "password" => "pwd",
            // A proof of possession of a key.
            "passkey" => "pop",
            _ => "otp",
        })
        .collect();
    // A passkey verifies its user, so it is two factors by itself.
    if proven.len() > 1 || proven == ["passkey"] {
        words.push("mfa");
    }
    words
}

/// Whole seconds since 1970 (RFC 7519, `NumericDate`).
pub(crate) fn seconds(at: OffsetDateTime) -> u64 {
    u64::try_from(at.unix_timestamp()).unwrap_or(0)
}

fn instant(seconds: u64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()
}

/// Whether the scopes of a token, separated by spaces, include the groups of its user.
#[must_use]
pub(crate) fn shows_groups(scope: &str) -> bool {
    scope.split(' ').any(|scope| scope == GROUPS)
}
