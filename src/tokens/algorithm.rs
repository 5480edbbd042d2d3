//! The algorithms that sign tokens.

/// An algorithm by which an access token is signed (RFC 7518, RFC 8037).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256. Every verifier knows it.
    #[default]
    Es256,
    /// Ed25519.
    EdDsa,
    /// HMAC with SHA-256 under the secret of a client. Only that client and this server can verify
    /// such a token, and both can make one.
    Hs256,
}

impl Algorithm {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Hs256];

    /// Those with a key pair, of which the public key is published.
    pub const WITH_KEY_PAIR: [Self; 2] = [Self::Es256, Self::EdDsa];

    /// The name in `alg`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
        }
    }

    /// The algorithm of this name, in exactly this spelling.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}
