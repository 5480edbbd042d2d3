//! Key pairs that sign tokens, and their public keys as JWKs (RFC 7517, RFC 8037).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair as _, UnparsedPublicKey,
};
use secrecy::{ExposeSecret as _, SecretSlice};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::Algorithm;
use crate::entropy::NoEntropy;
use crate::failure::StoreError;

/// The id of a key: its thumbprint (RFC 7638).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SigningKeyId([u8; 32]);

impl SigningKeyId {
    /// The id of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes that a store keeps.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for SigningKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// A new key pair, for a store.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its id.
    pub id: SigningKeyId,
    /// The algorithm that it is for.
    pub algorithm: Algorithm,
    /// The public key: an uncompressed point of P-256, or 32 bytes of Ed25519.
    pub public_key: Vec<u8>,
    /// The key pair as PKCS #8, which a store encrypts.
    pub private_key: SecretSlice<u8>,
}

impl NewKey {
    /// Generates a key pair. `ring` takes its random bytes from the operating system, and from no
    /// other source.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system gives no random bytes. HS256 has no key pair.
    pub fn generate(algorithm: Algorithm) -> Result<Self, NoEntropy> {
        let random = SystemRandom::new();
        let (document, public_key) = match algorithm {
            Algorithm::Es256 => {
                let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                let made = made.map_err(|_| NoEntropy)?;
                let pair = ecdsa(made.as_ref()).ok_or(NoEntropy)?;
                (made, pair.public_key().as_ref().to_vec())
            }
            Algorithm::EdDsa => {
                let made = Ed25519KeyPair::generate_pkcs8(&random).map_err(|_| NoEntropy)?;
                let pair = Ed25519KeyPair::from_pkcs8(made.as_ref()).map_err(|_| NoEntropy)?;
                (made, pair.public_key().as_ref().to_vec())
            }
            Algorithm::Hs256 => return Err(NoEntropy),
        };
        Ok(Self {
            id: thumbprint(algorithm, &public_key),
            algorithm,
            public_key,
            private_key: document.as_ref().to_vec().into(),
        })
    }
}

fn ecdsa(document: &[u8]) -> Option<EcdsaKeyPair> {
    let random = SystemRandom::new();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document, &random).ok()
}

/// SHA-256 of the members that RFC 7638 names, in its order.
fn thumbprint(algorithm: Algorithm, public_key: &[u8]) -> SigningKeyId {
    let text = match point(public_key) {
        Some((x, y)) if algorithm == Algorithm::Es256 => {
            let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
            format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
        }
        _ => {
            let x = URL_SAFE_NO_PAD.encode(public_key);
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)
        }
    };
    SigningKeyId(Sha256::digest(text).into())
}

/// The coordinates of an uncompressed point.
fn point(public_key: &[u8]) -> Option<(&[u8], &[u8])> {
    match public_key {
        [4, coordinates @ ..] if coordinates.len() == 64 => Some(coordinates.split_at(32)),
        _ => None,
    }
}

/// A key pair that signs, will sign, or has signed.
pub struct SigningKey {
    /// Its id.
    pub id: SigningKeyId,
    /// The algorithm that it is for.
    pub algorithm: Algorithm,
    /// Since when it is published.
    pub announced_at: OffsetDateTime,
    /// Since when it signs; `None`: it is the next one.
    pub signs_from: Option<OffsetDateTime>,
    /// Since when another signs in its place.
    pub retired_at: Option<OffsetDateTime>,
    public_key: Vec<u8>,
    pair: KeyPair,
}

enum KeyPair {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm.as_str(), self.id)
    }
}

impl SigningKey {
    /// A key as a store keeps it, with the times of announcement, first use and retirement.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where the private key is none of this algorithm, or is of another
    /// public key.
    pub fn from_stored(
        key: &NewKey,
        announced_at: OffsetDateTime,
        (signs_from, retired_at): (Option<OffsetDateTime>, Option<OffsetDateTime>),
    ) -> Result<Self, StoreError> {
        let document = key.private_key.expose_secret();
        let pair = match key.algorithm {
            Algorithm::Es256 => ecdsa(document).map(KeyPair::Es256),
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(document).ok().map(KeyPair::EdDsa),
            Algorithm::Hs256 => None,
        };
        let pair = pair.filter(|pair| pair.public_key() == key.public_key);
        Ok(Self {
            id: key.id,
            algorithm: key.algorithm,
            announced_at,
            signs_from,
            retired_at,
            public_key: key.public_key.clone(),
            pair: pair.ok_or(StoreError::Corrupt("a signing key"))?,
        })
    }

    /// Signs.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system gives no random bytes.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NoEntropy> {
        match &self.pair {
            KeyPair::Es256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message);
                Ok(signature.map_err(|_| NoEntropy)?.as_ref().to_vec())
            }
            KeyPair::EdDsa(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// Whether this is a signature of the message by this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = &self.public_key;
        let verified = match self.pair {
            KeyPair::Es256(_) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature)
            }
            KeyPair::EdDsa(_) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        };
        verified.is_ok()
    }

    /// The public key as a JWK.
    #[must_use]
    pub fn to_jwk(&self) -> Value {
        let (kid, alg) = (self.id.to_string(), self.algorithm.as_str());
        match (&self.pair, point(&self.public_key)) {
            (KeyPair::Es256(_), Some((x, y))) => json!({
                "kty": "EC", "crv": "P-256", "use": "sig", "alg": alg, "kid": kid,
                "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
            }),
            _ => json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": alg, "kid": kid,
                "x": URL_SAFE_NO_PAD.encode(&self.public_key),
            }),
        }
    }
}

impl KeyPair {
    fn public_key(&self) -> &[u8] {
        match self {
            Self::Es256(pair) => pair.public_key().as_ref(),
            Self::EdDsa(pair) => pair.public_key().as_ref(),
        }
    }
}
