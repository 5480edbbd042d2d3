//! An authenticator in software, for tests: it signs whatever it is asked, and lies where it is told
//! to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;

/// The fault of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// The page had this origin.
    Origin(&'static str),
    /// The page was in a frame of another origin.
    CrossOrigin,
    /// As [`Quirk::CrossOrigin`], and the browser names that origin.
    TopOrigin,
    /// The key is of this host.
    Host(&'static str),
    /// The user was not verified.
    NotVerified,
    /// The user was not there.
    NotPresent,
    /// The signature is of something else.
    BadSignature,
    /// The client data is of this ceremony.
    Type(&'static str),
    /// This challenge was signed, in base64url.
    Challenge(String),
    /// There is no user handle.
    NoHandle,
    /// The user handle is this.
    Handle(Vec<u8>),
    /// The key says that it is backed up, and that it cannot be.
    BackedUpButNotEligible,
    /// Whether the key can be backed up is another than at its registration.
    OtherEligibility,
    /// The count of signatures is this.
    Count(u32),
    /// Bytes follow the attestation.
    TrailingBytes,
    /// The key is of an algorithm that was not offered.
    OtherAlgorithm,
    /// The key is RSA of 1024 bits.
    ShortRsa,
    /// The answer names this credential.
    CredentialId(Vec<u8>),
}

/// A key of P-256.
pub struct SoftwareKey {
    pair: EcdsaKeyPair,
    chance: SystemRandom,
    origin: String,
    host: String,
    /// The id of the credential.
    pub credential_id: Vec<u8>,
    /// The account, as it was told at the registration.
    pub user_handle: Vec<u8>,
    /// The count of signatures. 0 stays 0.
    pub count: u32,
    /// Whether the key can be backed up, and is.
    pub is_backed_up: bool,
}

impl SoftwareKey {
    /// A new key for pages of this origin. It does not count, and is backed up.
    ///
    /// # Panics
    /// Without random bytes.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        let chance = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &chance).expect_key();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &chance).expect_key();
        let host = origin.split_once("://").map_or(origin, |(_, authority)| authority);
        let host = host.split(':').next().unwrap_or_default().to_owned();
        let credential_id = Sha256::digest(pair.public_key().as_ref()).to_vec();
        Self {
            pair,
            chance,
            origin: origin.to_owned(),
            host,
            credential_id,
            user_handle: Vec::new(),
            count: 0,
            is_backed_up: true,
        }
    }

    /// A new key that counts its signatures and cannot be backed up.
    #[must_use]
    pub fn counting(origin: &str) -> Self {
        Self { count: 1, is_backed_up: false, ..Self::new(origin) }
    }

    /// Answers the options for a new passkey.
    #[must_use]
    pub fn register(&mut self, options: &Value, quirks: &[Quirk]) -> Value {
        let handle = options["user"]["id"].as_str().unwrap_or_default();
        self.user_handle = URL_SAFE_NO_PAD.decode(handle).unwrap_or_default();
        let client = self.client_data("webauthn.create", options, quirks);
        let mut data = self.authenticator_data(ATTESTED, quirks);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&u16::try_from(self.credential_id.len()).unwrap_or(0).to_be_bytes());
        data.extend_from_slice(&self.credential_id);
        data.extend(self.cose(quirks));
        let length = u16::try_from(data.len()).unwrap_or(0).to_be_bytes();
        let mut attestation = b"\xA3\x63fmt\x64none\x67attStmt\xA0\x68authData\x59".to_vec();
        attestation.extend_from_slice(&length);
        attestation.extend(data);
        if quirks.contains(&Quirk::TrailingBytes) {
            attestation.push(0);
        }
        let mut answer = self.answer(quirks);
        answer["response"] = json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client),
            "attestationObject": URL_SAFE_NO_PAD.encode(attestation),
            "transports": ["internal", "hybrid"],
        });
        answer
    }

    /// Answers the options for a proof.
    #[must_use]
    pub fn prove(&mut self, options: &Value, quirks: &[Quirk]) -> Value {
        if self.count > 0 {
            self.count += 1;
        }
        let client = self.client_data("webauthn.get", options, quirks);
        let data = self.authenticator_data(0, quirks);
        let mut signed = [&data[..], &Sha256::digest(&client)].concat();
        if quirks.contains(&Quirk::BadSignature) {
            signed.push(0);
        }
        let signature = self.pair.sign(&self.chance, &signed).expect_key();
        let handle = quirks.iter().find_map(|quirk| match quirk {
            Quirk::NoHandle => Some(Value::Null),
            Quirk::Handle(handle) => Some(URL_SAFE_NO_PAD.encode(handle).into()),
            _ => None,
        });
        let mut answer = self.answer(quirks);
        answer["response"] = json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client),
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "signature": URL_SAFE_NO_PAD.encode(signature),
            "userHandle": handle
                .unwrap_or_else(|| URL_SAFE_NO_PAD.encode(&self.user_handle).into()),
        });
        answer
    }

    fn answer(&self, quirks: &[Quirk]) -> Value {
        let id = quirks.iter().find_map(|quirk| match quirk {
            Quirk::CredentialId(id) => Some(id.clone()),
            _ => None,
        });
        let id = URL_SAFE_NO_PAD.encode(id.unwrap_or_else(|| self.credential_id.clone()));
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": true } },
        })
    }

    fn client_data(&self, kind: &str, options: &Value, quirks: &[Quirk]) -> Vec<u8> {
        let mut data = json!({
            "type": kind,
            "challenge": options["challenge"].as_str().unwrap_or_default(),
            "origin": self.origin,
            "crossOrigin": false,
        });
        for quirk in quirks {
            match quirk {
                Quirk::Origin(origin) => data["origin"] = json!(origin),
                Quirk::CrossOrigin => data["crossOrigin"] = json!(true),
                Quirk::TopOrigin => data["topOrigin"] = json!("https://evil.example"),
                Quirk::Type(kind) => data["type"] = json!(kind),
                Quirk::Challenge(challenge) => data["challenge"] = json!(challenge),
                _ => {}
            }
        }
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, more: u8, quirks: &[Quirk]) -> Vec<u8> {
        let mut flags = PRESENT | VERIFIED | more;
        if self.is_backed_up {
            flags |= ELIGIBLE | BACKED_UP;
        }
        let (mut host, mut count) = (self.host.as_str(), self.count);
        for quirk in quirks {
            match quirk {
                Quirk::NotVerified => flags &= !VERIFIED,
                Quirk::NotPresent => flags &= !PRESENT,
                Quirk::BackedUpButNotEligible => flags = (flags & !ELIGIBLE) | BACKED_UP,
                Quirk::OtherEligibility => flags = (flags ^ ELIGIBLE) & !BACKED_UP,
                Quirk::Host(other) => host = other,
                Quirk::Count(other) => count = *other,
                _ => {}
            }
        }
        [&Sha256::digest(host)[..], &[flags], &count.to_be_bytes()].concat()
    }

    fn cose(&self, quirks: &[Quirk]) -> Vec<u8> {
        if quirks.contains(&Quirk::ShortRsa) {
            let modulus = [0xC5; 128];
            let head = b"\xA4\x01\x03\x03\x39\x01\x00\x20\x58\x80";
            return [&head[..], &modulus, b"\x21\x43\x01\x00\x01"].concat();
        }
        // The first byte of an uncompressed point says that it is one.
        let point = self.pair.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..]);
        // ES256, or ES384.
        let algorithm: &[u8] =
            if quirks.contains(&Quirk::OtherAlgorithm) { b"\x38\x22" } else { b"\x26" };
        let (head, curve) = (&b"\xA5\x01\x02\x03"[..], &b"\x20\x01\x21\x58\x20"[..]);
        [head, algorithm, curve, x, b"\x22\x58\x20", y].concat()
    }
}

/// Key material is fresh or from here, so nothing can fail but the random source.
trait ExpectKey<T> {
    fn expect_key(self) -> T;
}

impl<T, E> ExpectKey<T> for Result<T, E> {
    fn expect_key(self) -> T {
        self.unwrap_or_else(|_| panic!("no random bytes for the key of a test"))
    }
}
