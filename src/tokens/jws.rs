//! Signed tokens in their compact form (RFC 7515): header, claims and signature in base64url.
//!
//! docs/decisions/0023-tokens.md says why there is no library for it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};

use super::Algorithm;

/// The longest token that is read, in bytes. Ours have less than 1,500.
pub(super) const MOST_BYTES: usize = 8192;

#[derive(Serialize)]
struct Header<'h> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'h str>,
}

/// The header of a token that came from outside. One that says where a key could be found is refused:
/// nobody else chooses the key.
#[derive(Deserialize)]
struct AnyHeader {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    /// Extensions that a reader must know. This one knows none.
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    jku: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    jwk: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    x5u: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "present")]
    x5c: Option<IgnoredAny>,
}

/// `null` is there, too.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<IgnoredAny>, D::Error> {
    IgnoredAny::deserialize(from).map(Some)
}

/// A token that was split and decoded. Nothing about it is known to be true.
#[derive(Debug)]
pub(super) struct Unverified<'t> {
    pub(super) algorithm: Algorithm,
    pub(super) typ: Option<String>,
    pub(super) key: Option<String>,
    /// The bytes that are signed.
    pub(super) signed: &'t [u8],
    pub(super) claims: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl<'t> Unverified<'t> {
    /// Splits a token. `None`: it is no token that this server could have signed.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        if text.len() > MOST_BYTES {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header = decoded(header)?;
        // An array would do for the library.
        if !header.starts_with(b"{") {
            return None;
        }
        let header: AnyHeader = serde_json::from_slice(&header).ok()?;
        let refused = [header.crit, header.jku, header.jwk, header.x5u, header.x5c];
        if refused.iter().any(Option::is_some) {
            return None;
        }
        Some(Self {
            algorithm: Algorithm::parse(&header.alg)?,
            typ: header.typ,
            key: header.kid,
            signed: signed.as_bytes(),
            // A further point is not in the alphabet.
            claims: decoded(claims)?,
            signature: decoded(signature)?,
        })
    }
}

/// Writes a token. `sign` gets the bytes to sign.
pub(super) fn write<E>(
    (algorithm, typ, kid): (Algorithm, &'static str, Option<&str>),
    claims: &[u8],
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<String, E> {
    let header = Header { alg: algorithm.as_str(), typ, kid };
    // Three texts, which always can be written.
    let header = serde_json::to_vec(&header).unwrap_or_default();
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}
