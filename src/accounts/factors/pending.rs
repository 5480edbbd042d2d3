//! Pending sessions: the password was right, and the second factor is missing.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::accounts::{Epoch, UserId};

/// The SHA-256 of the token of a pending session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PendingDigest([u8; 32]);

impl PendingDigest {
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

    /// Its first half, to count by.
    #[must_use]
    pub fn as_uuid(&self) -> Uuid {
        let (first, _) = self.0.split_first_chunk().unwrap_or((&[0; 16], &[]));
        Uuid::from_bytes(*first)
    }
}

impl fmt::Debug for PendingDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PendingDigest(…)")
    }
}

/// The step that a pending session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingPurpose {
    /// A code of the second factor that the account has.
    Code,
    /// The set-up of a second factor, which the account must have and has not.
    SetUp,
}

impl PendingPurpose {
    /// The word that stores keep.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::SetUp => "set_up",
        }
    }

    /// Reads what [`PendingPurpose::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Code, Self::SetUp].into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// A sign-in whose second step is missing. It is no session: no check and no list finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSession {
    /// The digest of its token.
    pub digest: PendingDigest,
    /// Whose.
    pub user: UserId,
    /// The epoch under which the password was right. It is void under a later one.
    pub epoch: Epoch,
    /// The step that it waits for.
    pub purpose: PendingPurpose,
    /// Whether "remember me" was ticked.
    pub remember_me: bool,
    /// The digest of the token that the browser had before. That session ends when this one
    /// becomes a session.
    pub previous: Option<[u8; 32]>,
    /// From this instant on it is void.
    pub expires_at: OffsetDateTime,
}

impl PendingSession {
    /// How long it lives.
    pub const LIFETIME: Duration = Duration::from_mins(10);

    /// How many codes are compared for it. With the last wrong one it ends.
    pub const MOST_CODES: u32 = 5;
}
