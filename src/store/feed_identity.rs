//! Cursors of stores that number the entries of the revocation feed.

use crate::entropy::{Entropy, NoEntropy};
use crate::sessions::Cursor;

/// Identifies a feed. It changes when all sessions of a store end or are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FeedIdentity(String);

impl FeedIdentity {
    /// A new random identity.
    pub(super) fn draw() -> Result<Self, NoEntropy> {
        let bytes: [u8; 8] = Entropy::operating_system().bytes()?;
        Ok(Self(format!("{:016x}", u64::from_be_bytes(bytes))))
    }

    /// A stored identity.
    pub(super) fn of(text: String) -> Self {
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The cursor after this number.
    pub(super) fn cursor(&self, number: u64) -> Cursor {
        Cursor::of(format!("{}_{number}", self.0))
    }

    /// The number of a cursor; `None` if it is of another feed.
    pub(super) fn number_in(&self, cursor: &Cursor) -> Option<u64> {
        let (identity, number) = cursor.as_str().split_once('_')?;
        let number = number.parse().ok()?;
        (*self == Self(identity.to_owned()) && self.cursor(number) == *cursor).then_some(number)
    }
}
