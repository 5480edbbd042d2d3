//! When a key is announced, signs, and is forgotten.

use std::time::Duration;

use time::OffsetDateTime;

use super::{Algorithm, SigningKey};
use crate::failure::StoreError;

/// How long a key signs before another takes its place.
pub const KEY_LIFETIME: Duration = Duration::from_hours(90 * 24);
/// How long the next key is published before it signs, so that every verifier has it.
pub const KEY_NOTICE: Duration = Duration::from_hours(24);
/// How long a key is published after it signed last. No token lives longer (`ACCESS_TOKEN_LIFETIME`
/// is an hour at most), and no clock of ours differs by more.
pub(super) const RETIRED_KEY_RETENTION: Duration = Duration::from_hours(2);

/// The state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, and signs nothing yet.
    Next,
    /// Signs.
    Signing,
    /// Another signs in its place. Its tokens are valid until they expire.
    Retired,
}

impl KeyState {
    /// The word of commands and of the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Signing => "signing",
            Self::Retired => "retired",
        }
    }
}

/// Why keys were not rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The next key is younger than [`KEY_NOTICE`].
    #[error(
        "the next {} key is published since less than a day: verifiers may not have it yet; wait, or \
         repeat the command with --now", .0.as_str()
    )]
    TooEarly(Algorithm),
    /// There are no keys yet.
    #[error(
        "there are no signing keys yet: the first client creates them, see `anteroom client add`"
    )]
    NoKeys,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SigningKey {
    /// Its state.
    #[must_use]
    pub fn state(&self) -> KeyState {
        match (self.signs_from, self.retired_at) {
            (None, _) => KeyState::Next,
            (Some(_), None) => KeyState::Signing,
            (Some(_), Some(_)) => KeyState::Retired,
        }
    }

    /// Whether verifiers may need it.
    #[must_use]
    pub fn is_published(&self, now: OffsetDateTime) -> bool {
        self.retired_at.is_none_or(|at| now < at + RETIRED_KEY_RETENTION)
    }

    /// Whether it has signed for as long as a key does.
    pub(super) fn has_signed_long_enough(&self, now: OffsetDateTime) -> bool {
        self.signs_from.is_some_and(|from| now >= from + KEY_LIFETIME)
    }

    /// Whether verifiers have had the time to fetch it.
    pub(super) fn is_known(&self, now: OffsetDateTime) -> bool {
        now >= self.announced_at + KEY_NOTICE
    }
}
