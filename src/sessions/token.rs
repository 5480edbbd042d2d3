//! The secret in the cookie, and its digest in the store.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::entropy::{Entropy, NoEntropy};

/// The secret in the cookie: 32 random bytes as 43 characters of unpadded base64url (OWASP asks for
/// at least 64 bits of entropy). It is never stored or logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; Token::LENGTH]);

impl Token {
    /// The length of a token, in characters.
    pub const LENGTH: usize = 43;

    /// A new random token.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system gives no random bytes.
    pub fn generate(entropy: &Entropy) -> Result<Self, NoEntropy> {
        let mut text = [0; Self::LENGTH];
        // 32 bytes always fill 43 characters, so the result is ignored.
        let _ = URL_SAFE_NO_PAD.encode_slice(entropy.bytes::<32>()?, &mut text);
        Ok(Self(text))
    }

    /// Reads a cookie's value. `None`: not the form of a token, so no store has to be asked.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = <[u8; Self::LENGTH]>::try_from(value).ok()?;
        let in_alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        text.iter().all(in_alphabet).then_some(Self(text))
    }

    /// The cookie's value, for the `Set-Cookie` header only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        // Both ways to make a token leave only ASCII in it.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// SHA-256 of the text, so that two spellings are never the same token.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret)")
    }
}

/// The SHA-256 of a token: finds its session, but is no token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of a text.
    #[must_use]
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// The digest of these bytes, as a store kept it.
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

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

#[cfg(test)]
mod tests;
