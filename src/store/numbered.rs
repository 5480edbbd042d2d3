//! Cursors of stores that number the ends of sessions one by one.

use crate::entropy::{Entropy, NoEntropy};
use crate::sessions::Cursor;

/// What one feed is told from another by: of another store, or of the same one after everything in
/// it ended or was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity(String);

impl Identity {
    /// One that nobody has.
    pub(super) fn draw() -> Result<Self, NoEntropy> {
        let bytes: [u8; 8] = Entropy::operating_system().bytes()?;
        Ok(Self(format!("{:016x}", u64::from_be_bytes(bytes))))
    }

    /// One that was written down.
    pub(super) fn of(text: String) -> Self {
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The cursor right after this number.
    pub(super) fn cursor(&self, number: u64) -> Cursor {
        Cursor::of(format!("{}_{number}", self.0))
    }

    /// The number that a cursor of this feed is right after.
    pub(super) fn number_in(&self, cursor: &Cursor) -> Option<u64> {
        let (identity, number) = cursor.as_str().split_once('_')?;
        let number = number.parse().ok()?;
        (*self == Self(identity.to_owned()) && self.cursor(number) == *cursor).then_some(number)
    }
}
