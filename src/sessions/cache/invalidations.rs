//! Counts invalidations, so that a value read before one is not cached after it.

use std::time::Duration;

use super::Change;
use super::rules::{Rule, is_kept};

/// Ids that hash to the same mark share it: an invalidation may reject more inserts than needed.
const MARKS: usize = 4096;

/// Taken before a read from a store, and required to cache the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    invalidations: u64,
    /// When it was taken.
    pub(super) at: Duration,
}

/// Counts invalidations, and holds for each mark the number of the last one.
#[derive(Debug)]
pub(super) struct Invalidations {
    count: u64,
    of_everything: u64,
    marks: Box<[u64]>,
}

impl Invalidations {
    pub(super) fn new() -> Self {
        let marks = vec![0; MARKS].into_boxed_slice();
        Self { count: 0, of_everything: 0, marks }
    }

    /// For reads that begin now.
    pub(super) fn ticket(&self, at: Duration) -> Ticket {
        Ticket { invalidations: self.count, at }
    }

    pub(super) fn note(&mut self, change: Change) {
        self.count += 1;
        match Self::mark(change) {
            Some(mark) => self.marks[mark] = self.count,
            None => self.of_everything = self.count,
        }
    }

    /// Whether none of these was invalidated since the ticket was taken.
    pub(super) fn allow(&self, ticket: Ticket, changes: &[Change]) -> bool {
        let since = |at: u64| at > ticket.invalidations;
        let is_stale = since(self.of_everything)
            || changes
                .iter()
                .filter_map(|change| Self::mark(*change))
                .any(|m| since(self.marks[m]));
        !is_stale || !is_kept(Rule::InvalidationsRejectStaleInserts)
    }

    /// The last bytes of every id and every digest are random.
    fn mark(change: Change) -> Option<usize> {
        let last = match change {
            Change::Everything => return None,
            Change::Session(id) => id.as_uuid().into_bytes().last_chunk().copied(),
            Change::Token(digest) => digest.as_bytes().last_chunk().copied(),
            Change::User(id) => id.as_uuid().into_bytes().last_chunk().copied(),
        };
        usize::try_from(u64::from_be_bytes(last.unwrap_or_default()) % MARKS as u64).ok()
    }
}
