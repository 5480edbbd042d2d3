//! Hand-over codes: each takes a signed-in browser from one origin to another, once.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

use super::{Origin, SessionId, Token};
use crate::entropy::{Entropy, NoEntropy};

/// The secret of a hand-over, for the query of the redirect only. It has the form of a token and
/// opens no session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code(Token);

impl Code {
    /// A new random code.
    ///
    /// # Errors
    /// [`NoEntropy`] when the operating system gives no random bytes.
    pub fn generate(entropy: &Entropy) -> Result<Self, NoEntropy> {
        Token::generate(entropy).map(Self)
    }

    /// Reads the value of a query. `None`: not the form of a code, so no store has to be asked.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        Token::parse(value).map(Self)
    }

    /// Its text, for the `Location` header only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// SHA-256 of its text.
    #[must_use]
    pub fn digest(&self) -> CodeDigest {
        CodeDigest(*self.0.digest().as_bytes())
    }
}

/// Defines a digest of 32 bytes.
macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The digest of these bytes.
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

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

digest! {
    /// The SHA-256 of a hand-over code.
    CodeDigest
}

digest! {
    /// The SHA-256 of the state that the browser got at the target's origin, and of the path. It binds
    /// the code to both.
    HandoverBinding
}

/// A hand-over code as stores keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoverCode {
    /// The digest of the code.
    pub digest: CodeDigest,
    /// The session that it hands over. The code is void once that session has ended.
    pub session: SessionId,
    /// The origin that may redeem it.
    pub origin: Origin,
    /// The browser that may redeem it, and the path it is for.
    pub binding: HandoverBinding,
    /// From this instant on it is void.
    pub expires_at: OffsetDateTime,
}

impl HandoverCode {
    /// The most outstanding codes of one session.
    pub const MOST: u32 = 16;

    /// How long a code can be redeemed, and takes the place of another.
    pub const LIFETIME: Duration = Duration::from_secs(30);
}

/// The outcome of keeping a hand-over code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKept {
    /// It can be taken.
    Kept,
    /// The session is not live. Nothing was written.
    Gone,
    /// The session has [`HandoverCode::MOST`] outstanding codes. Nothing was written.
    Full,
    /// The digest is in use. Nothing was written: generate another.
    Taken,
}
