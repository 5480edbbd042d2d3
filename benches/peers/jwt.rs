//! JWTs with jsonwebtoken, HS256 and `EdDSA`. Its two ready-made providers bring RSA and the other
//! curves along, so this gives it the HMAC of the same family of crates and the Ed25519 of ring,
//! and nothing else.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::record::{Record, User};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: |algorithm, key| verifier(*algorithm, key),
    key_utils: KeyUtils::new_unimplemented(),
};

fn verifier(
    algorithm: Algorithm,
    key: &DecodingKey,
) -> jsonwebtoken::errors::Result<Box<dyn JwtVerifier>> {
    let key = key.try_get_as_bytes()?;
    match algorithm {
        Algorithm::HS256 => {
            let key = Hmac::<Sha256>::new_from_slice(key);
            Ok(Box::new(Hs256(key.map_err(|_| ErrorKind::InvalidKeyFormat)?)))
        }
        Algorithm::EdDSA => Ok(Box::new(EdDsa(UnparsedPublicKey::new(&ED25519, key.to_vec())))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

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

struct EdDsa(UnparsedPublicKey<Vec<u8>>);

impl signature::Verifier<Vec<u8>> for EdDsa {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.0.verify(message, signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for EdDsa {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
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

/// The signer of the tokens, which elsewhere is another program.
enum Signing {
    Hs256(Hmac<Sha256>),
    EdDsa(Box<Ed25519KeyPair>),
}

/// The verifier of tokens of one algorithm.
pub struct Keys {
    signing: Signing,
    decoding: DecodingKey,
    validation: Validation,
}

impl Keys {
    /// Thirty-two bytes that both sides share, or the seed of a pair.
    const SECRET: &[u8; 32] = b"thirty-two bytes of a shared key";

    pub fn hs256() -> Self {
        let signing = Signing::Hs256(Hmac::new_from_slice(Self::SECRET).unwrap());
        Self::new(signing, DecodingKey::from_secret(Self::SECRET), Algorithm::HS256)
    }

    pub fn eddsa() -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(Self::SECRET).unwrap();
        let decoding = DecodingKey::from_ed_der(pair.public_key().as_ref());
        Self::new(Signing::EdDsa(Box::new(pair)), decoding, Algorithm::EdDSA)
    }

    fn new(signing: Signing, decoding: DecodingKey, algorithm: Algorithm) -> Self {
        // The first to install it installed the same.
        let _ = PROVIDER.install_default();
        Self { signing, decoding, validation: Validation::new(algorithm) }
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
        let head = match self.signing {
            Signing::Hs256(_) => URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"HS256"}"#),
            Signing::EdDsa(_) => URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"EdDSA"}"#),
        };
        let message =
            format!("{head}.{}", URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap()));
        let signature = match &self.signing {
            Signing::Hs256(key) => {
                let mut mac = key.clone();
                mac.update(message.as_bytes());
                mac.finalize().into_bytes().to_vec()
            }
            Signing::EdDsa(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
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
        let (email_display, groups) = (String::new(), Vec::new());
        Ok(User {
            id: sub,
            email,
            email_display,
            email_verified: true,
            name,
            role,
            groups,
            status,
            created_at,
        })
    }
}
