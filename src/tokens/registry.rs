//! The clients and the keys, as they are remembered under a lease.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use time::OffsetDateTime;

use super::claims::{AccessClaims, TYPE};
use super::id_token::{self, IdClaims};
use super::jws::{self, Unverified};
use super::{
    AccessRequest, Algorithm, ClientId, IdTokenRequest, KeyState, OAuthClient, SigningKey,
    SigningKeyId,
};
use crate::entropy::NoEntropy;
use crate::sessions::{AccessToken, AccessTokenId};

/// Why an access token was not signed.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// There is no key of the client's algorithm.
    #[error("there is no key that signs the tokens of this client")]
    NoKey,
    /// No random bytes.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
}

/// Every client and every key, read at once.
#[derive(Debug)]
pub struct Registry {
    /// The public URL, which is the `iss` of every token.
    pub issuer: Box<str>,
    /// The clients, in the order of their registration.
    pub clients: Vec<OAuthClient>,
    /// The keys.
    pub keys: Vec<SigningKey>,
}

impl Registry {
    /// The client of this id.
    #[must_use]
    pub fn client(&self, id: &str) -> Option<&OAuthClient> {
        let id = ClientId::parse(id)?;
        self.clients.iter().find(|client| client.id == id)
    }

    /// The client of this id or name.
    #[must_use]
    pub fn client_named(&self, text: &str) -> Option<&OAuthClient> {
        let named = self.clients.iter().find(|client| &*client.name == text);
        self.client(text).or(named)
    }

    /// The client that was registered first for this audience. One that people sign in to has a code
    /// first.
    #[must_use]
    pub fn client_of(&self, audience: &str) -> Option<&OAuthClient> {
        let mut clients = self.clients.iter().filter(|client| client.may_act_for_users());
        clients.find(|client| client.has_audience(audience, &self.issuer))
    }

    /// The key that signs by this algorithm.
    fn signing_key(&self, algorithm: Algorithm) -> Option<&SigningKey> {
        let mut keys = self.keys.iter().filter(|key| key.algorithm == algorithm);
        keys.find(|key| key.state() == KeyState::Signing)
    }

    /// The public keys that verifiers may need at `now`, as a set of JWKs (RFC 7517).
    #[must_use]
    pub fn to_jwks(&self, now: OffsetDateTime) -> Value {
        let published = self.keys.iter().filter(|key| key.is_published(now));
        serde_json::json!({ "keys": published.map(SigningKey::to_jwk).collect::<Vec<_>>() })
    }

    /// Signs an access token.
    pub(super) fn mint(
        &self,
        request: &AccessRequest<'_>,
        (id, now, lifetime): (AccessTokenId, OffsetDateTime, Duration),
    ) -> Result<(String, OffsetDateTime), MintError> {
        let claims = AccessClaims::new(request, &self.issuer, (id, now, lifetime));
        let expires_at = claims.expires_at().unwrap_or(now);
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        Ok((self.sign(request.client, TYPE, &claims)?, expires_at))
    }

    /// Signs an ID token.
    pub(super) fn mint_id_token(
        &self,
        request: &IdTokenRequest<'_>,
        times: (OffsetDateTime, Duration),
    ) -> Result<String, MintError> {
        let claims = IdClaims::new(request, &self.issuer, times);
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        self.sign(request.client, id_token::TYPE, &claims)
    }

    /// The text of a code with a signature, so that no store is asked about one that nobody was given.
    pub(crate) fn sign_code(&self, text: &str) -> Result<String, MintError> {
        let key = self.signing_key(Algorithm::Es256).ok_or(MintError::NoKey)?;
        let signature = key.sign(&signed_code(text))?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The text of a code whose signature is ours.
    pub(crate) fn verified_code<'t>(
        &self,
        signed: &'t str,
        now: OffsetDateTime,
    ) -> Option<&'t str> {
        let (text, signature) = signed.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let is_usable =
            |key: &&SigningKey| key.algorithm == Algorithm::Es256 && key.is_published(now);
        let mut keys = self.keys.iter().filter(is_usable);
        keys.any(|key| key.verifies(&signed_code(text), &signature)).then_some(text)
    }

    /// A token with these claims, signed in the way of the client.
    fn sign(
        &self,
        client: &OAuthClient,
        typ: &'static str,
        claims: &[u8],
    ) -> Result<String, MintError> {
        let algorithm = client.algorithm;
        if algorithm == Algorithm::Hs256 {
            let secret = client.signing_secrets().next().ok_or(MintError::NoKey)?;
            let sign = |message: &[u8]| Ok::<_, MintError>(mac(secret, message));
            return jws::write((algorithm, typ, None), claims, sign);
        }
        let key = self.signing_key(algorithm).ok_or(MintError::NoKey)?;
        let kid = key.id.to_string();
        Ok(jws::write((algorithm, typ, Some(&kid)), claims, |message| key.sign(message))?)
    }

    /// The access token of this text, if this server signed it for a client that still has its
    /// audience, and it has not expired at `now`. Its session may have ended.
    pub(super) fn verify(&self, text: &str, now: OffsetDateTime) -> Option<AccessToken> {
        let token = Unverified::parse(text)?;
        if token.typ.as_deref() != Some(TYPE) {
            return None;
        }
        let claims = AccessClaims::parse(&token.claims)?;
        let client = self.client(&claims.client_id)?;
        // The client decides how its tokens are signed, never the header of a token.
        let is_signed = token.algorithm == client.algorithm
            && client.has_audience(&claims.aud, &self.issuer)
            && self.is_signed(&token, client, now);
        if !is_signed {
            return None;
        }
        let shown = claims.access_token(&self.issuer, (client, now))?;
        // The public URL may have become the audience of a client that signs.
        let is_forgeable = shown.is_client_signed && *shown.audience == *self.issuer;
        (!is_forgeable).then_some(shown)
    }

    fn is_signed(&self, token: &Unverified<'_>, client: &OAuthClient, now: OffsetDateTime) -> bool {
        if token.algorithm == Algorithm::Hs256 {
            return client.signing_secrets().any(|secret| {
                hmac::verify(&mac_key(secret), token.signed, &token.signature).is_ok()
            });
        }
        let is_named = |id: SigningKeyId| token.key.as_deref() == Some(id.to_string().as_str());
        let key = self.keys.iter().find(|key| {
            key.algorithm == token.algorithm && key.is_published(now) && is_named(key.id)
        });
        key.is_some_and(|key| key.verifies(token.signed, &token.signature))
    }
}

/// A signature of a code is none of a token.
fn signed_code(text: &str) -> Vec<u8> {
    format!("code:{text}").into_bytes()
}

/// The octets of the secret's text are the key (`OpenID` Connect Core, section 10.1).
fn mac_key(secret: &SecretString) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())
}

fn mac(secret: &SecretString, message: &[u8]) -> Vec<u8> {
    hmac::sign(&mac_key(secret), message).as_ref().to_vec()
}
