//! Values that many rows share, stored once: users with their epochs, and user agents.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;

use crate::accounts::{Epoch, UserId};

/// All users that ever had a session, with their epochs. None is removed.
#[derive(Default)]
pub(super) struct Users {
    rows: Vec<(UserId, Epoch)>,
    by_id: HashTable<u32>,
    hashing: RandomState,
}

impl Users {
    fn number(&self, user: UserId) -> Option<u32> {
        let hash = self.hashing.hash_one(user);
        self.by_id.find(hash, |number| self.rows[*number as usize].0 == user).copied()
    }

    pub(super) fn get(&self, number: u32) -> (UserId, Epoch) {
        self.rows[number as usize]
    }

    pub(super) fn epoch(&self, user: UserId) -> Option<Epoch> {
        self.number(user).map(|number| self.get(number).1)
    }

    /// Sets the epoch of a user and returns the user's number.
    pub(super) fn set(&mut self, user: UserId, epoch: Epoch) -> u32 {
        if let Some(number) = self.number(user) {
            self.rows[number as usize].1 = epoch;
            return number;
        }
        let number = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.push((user, epoch));
        let Self { rows, by_id, hashing } = self;
        let hash = |number: &u32| hashing.hash_one(rows[*number as usize].0);
        by_id.insert_unique(hashing.hash_one(user), number, hash);
        number
    }
}

/// The user agents of live sessions, with reference counts.
#[derive(Default)]
pub(super) struct Agents {
    rows: Vec<(Arc<str>, u32)>,
    numbers: HashMap<Arc<str>, u32>,
    free: Vec<u32>,
}

impl Agents {
    pub(super) fn get(&self, number: u32) -> &str {
        &self.rows[number as usize].0
    }

    /// Adds a reference and returns the number of the user agent.
    pub(super) fn acquire(&mut self, agent: &str) -> u32 {
        if let Some(number) = self.numbers.get(agent) {
            self.rows[*number as usize].1 += 1;
            return *number;
        }
        let agent: Arc<str> = agent.into();
        let number = if let Some(number) = self.free.pop() {
            self.rows[number as usize] = (Arc::clone(&agent), 1);
            number
        } else {
            self.rows.push((Arc::clone(&agent), 1));
            u32::try_from(self.rows.len() - 1).unwrap_or(u32::MAX)
        };
        self.numbers.insert(agent, number);
        number
    }

    /// Drops a reference.
    pub(super) fn release(&mut self, number: u32) {
        let (agent, references) = &mut self.rows[number as usize];
        *references -= 1;
        if *references == 0 {
            self.numbers.remove(&**agent);
            *agent = "".into();
            self.free.push(number);
        }
    }

    #[cfg(test)]
    pub(super) fn references(&self) -> u32 {
        self.rows.iter().map(|(_, references)| *references).sum()
    }
}
