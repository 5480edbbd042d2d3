//! What was dropped and when, so that nothing read before is remembered after.

use std::time::Duration;

use super::Change;
use super::rules::{Rule, is_kept};

/// Marks are shared by whatever falls on the same one: a drop may keep out more than it has to.
const MARKS: usize = 4096;

/// Taken before something is read from a store, and shown when it is to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    drops: u64,
    /// When it was taken.
    pub(super) at: Duration,
}

/// Counts drops, and knows of each change when it was dropped last.
#[derive(Debug)]
pub(super) struct Drops {
    count: u64,
    of_everything: u64,
    marks: Box<[u64]>,
}

impl Drops {
    pub(super) fn new() -> Self {
        let marks = vec![0; MARKS].into_boxed_slice();
        Self { count: 0, of_everything: 0, marks }
    }

    /// For what is read from now on.
    pub(super) fn ticket(&self, at: Duration) -> Ticket {
        Ticket { drops: self.count, at }
    }

    pub(super) fn note(&mut self, change: Change) {
        self.count += 1;
        match Self::mark(change) {
            Some(mark) => self.marks[mark] = self.count,
            None => self.of_everything = self.count,
        }
    }

    /// Whether none of these was dropped since the ticket was taken.
    pub(super) fn allow(&self, ticket: Ticket, changes: &[Change]) -> bool {
        let since = |at: u64| at > ticket.drops;
        let dropped = since(self.of_everything)
            || changes
                .iter()
                .filter_map(|change| Self::mark(*change))
                .any(|m| since(self.marks[m]));
        !dropped || !is_kept(Rule::DropsReachFills)
    }

    /// Every id and every digest ends in bytes that are as good as chance.
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
