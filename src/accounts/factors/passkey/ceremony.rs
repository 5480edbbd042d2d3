//! Ceremonies: a challenge that a browser was asked to sign, bound to that browser.

use std::fmt;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::{PendingDigest, UserId};

/// The SHA-256 of a challenge. It finds the record, which has the challenge to compare with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChallengeDigest([u8; 32]);

impl ChallengeDigest {
    /// Of a challenge.
    #[must_use]
    pub fn of(challenge: &[u8]) -> Self {
        Self(Sha256::digest(challenge).into())
    }

    /// The bytes that a store keeps.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ChallengeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengeDigest(…)")
    }
}

/// A digest of something that only the browser has that asked for the challenge.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BrowserBinding([u8; 32]);

impl BrowserBinding {
    /// A session: it stays through rotations.
    #[must_use]
    pub fn session(id: Uuid) -> Self {
        Self::tagged("session", id.as_bytes())
    }

    /// A pending session.
    #[must_use]
    pub fn pending(digest: &PendingDigest) -> Self {
        Self::tagged("pending", digest.as_bytes())
    }

    /// A browser where nobody is signed in: the digest of a separate cookie.
    #[must_use]
    pub fn browser(digest: &[u8; 32]) -> Self {
        Self::tagged("browser", digest)
    }

    fn tagged(kind: &str, bytes: &[u8]) -> Self {
        Self(Sha256::new().chain_update(kind).chain_update(bytes).finalize().into())
    }

    /// The bytes that a store keeps.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for BrowserBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserBinding(…)")
    }
}

/// For what a challenge may be signed, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CeremonyPurpose {
    /// To add a passkey to an account.
    Register,
    /// To sign in, by a passkey of any account.
    SignIn,
    /// To prove the owner of a known account.
    Prove,
}

impl CeremonyPurpose {
    /// The word that stores keep.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::SignIn => "sign_in",
            Self::Prove => "prove",
        }
    }

    /// Reads what [`CeremonyPurpose::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Register, Self::SignIn, Self::Prove].into_iter().find(|one| one.as_str() == text)
    }
}

/// A challenge that a browser was asked to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony {
    /// The digest of the challenge.
    pub challenge: ChallengeDigest,
    /// The browser that asked for it.
    pub binding: BrowserBinding,
    /// Its purpose.
    pub purpose: CeremonyPurpose,
    /// Whose passkey it is about; `None` where the passkey says who signs in.
    pub user: Option<UserId>,
    /// The challenge and what was asked for, as the relying party writes it.
    pub state: String,
    /// From this instant on it is void.
    pub expires_at: OffsetDateTime,
}

impl Ceremony {
    /// How long a challenge can be signed.
    pub const LIFETIME: Duration = Duration::from_mins(5);
}
