//! Tokens of OAuth 2: views of a session that end with it.
//!
//! An access token is a JWT (RFC 9068) that anybody can verify with the published keys. The server
//! itself also asks whether its session is live, so a revoke holds for it, too. [`Tokens`] is the
//! service: the clients, the keys, and what may be signed. Clients and keys are remembered under the
//! lease of the session cache. It knows neither HTTP nor SQL.

mod algorithm;
mod claims;
mod client;
mod code;
mod consents;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod id_token;
mod jws;
mod key_rotation;
mod redirect_uri;
mod registry;
mod service;
mod signing_key;
mod store;

pub use algorithm::Algorithm;
pub use claims::AccessRequest;
pub(crate) use claims::{authentication_methods, seconds, shows_groups};
pub use client::{
    AddClientError, Audience, ClientError, ClientId, ClientSecret, ClientSecretId, NewClient,
    OAuthClient, Scope, SecretDigest, StoredSecret,
};
pub(crate) use code::{AuthorizationCode, origin_of};
pub use code::{CodeDetails, CodeRequest};
pub use id_token::IdTokenRequest;
pub(crate) use id_token::{OPENID, UserClaims, authentication_class};
pub use key_rotation::{KEY_LIFETIME, KEY_NOTICE, KeyState, RotateError};
pub use redirect_uri::RedirectUri;
pub use registry::{MintError, Registry};
pub use service::{IssuedToken, Tokens, TokensOptions};
pub use signing_key::{NewKey, SigningKey, SigningKeyId};
pub use store::{Consent, DeniedToken, KeyRotation, NewSecret, TokenStore};

#[cfg(test)]
mod tests;
