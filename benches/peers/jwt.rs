//! HS256 with jsonwebtoken. Its two ready-made providers bring RSA and elliptic curves along, so
//! this gives it the HMAC of the same family of crates, and nothing else.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::record::{Record, User};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(jsonwebtoken::errors::ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: |_, key| {
        let key = Hmac::<Sha256>::new_from_slice(key.try_get_as_bytes()?);
        Ok(Box::new(Hs256(key.map_err(|_| jsonwebtoken::errors::ErrorKind::InvalidKeyFormat)?)))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

struct Hs256(Hmac<Sha256>);

impl signature::Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], tag: &Vec<u8>) -> Result<(), signature::Error> {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.verify_slice(tag).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

/// Claims as any service has them, around what is to be answered.
#[derive(Serialize, Deserialize)]
struct Claims<T> {
    sub: String,
    iat: u64,
    exp: u64,
    jti: String,
    #[serde(flatten)]
    rest: T,
}

/// What `/auth/verify` answers.
#[derive(Serialize, Deserialize)]
struct Lean {
    email: String,
    name: String,
    role: String,
}

/// The shared key.
pub struct Keys {
    key: Vec<u8>,
    decoding: DecodingKey,
    validation: Validation,
}

impl Keys {
    pub fn new(key: &[u8]) -> Self {
        // Whoever installed it first installed the same.
        let _ = PROVIDER.install_default();
        let validation = Validation::new(Algorithm::HS256);
        Self { key: key.to_vec(), decoding: DecodingKey::from_secret(key), validation }
    }

    /// A token that carries the whole record.
    pub fn token_of(&self, record: &Record) -> String {
        self.sign(&record.user.id, &record.session.id, record)
    }

    /// A token that carries who it is.
    pub fn token_of_user(&self, user: &User, session: &str) -> String {
        let email = if user.email_verified { user.email.clone() } else { String::new() };
        let lean = Lean { email, name: user.name.clone(), role: user.role.clone() };
        self.sign(&user.id, session, &lean)
    }

    fn sign(&self, sub: &str, jti: &str, rest: &impl Serialize) -> String {
        // Until the year 2100.
        let (iat, exp) = (1_700_000_000, 4_102_444_800);
        let claims = Claims { sub: sub.to_owned(), iat, exp, jti: jti.to_owned(), rest };
        let head = URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"HS256"}"#);
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap());
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).unwrap();
        mac.update(format!("{head}.{body}").as_bytes());
        format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    fn claims<T: DeserializeOwned>(&self, token: &str) -> Result<Claims<T>, StatusCode> {
        let decoded = decode::<Claims<T>>(token, &self.decoding, &self.validation);
        decoded.map(|token| token.claims).map_err(|_| StatusCode::UNAUTHORIZED)
    }

    pub fn record(&self, token: &str) -> Result<Record, StatusCode> {
        Ok(self.claims::<Record>(token)?.rest)
    }

    pub fn user(&self, token: &str) -> Result<User, StatusCode> {
        let Claims { sub, rest: Lean { email, name, role }, .. } = self.claims(token)?;
        let (status, created_at) = (String::new(), String::new());
        Ok(User { id: sub, email_verified: true, email, name, role, status, created_at })
    }
}
