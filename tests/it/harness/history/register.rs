//! What somebody's password, standing or role may be while it is written and read at once.

use std::time::Duration;

/// A write that took place between two instants, or, where nobody was told, after the first or
/// never.
struct Write<V> {
    begun: Duration,
    answered: Option<Duration>,
    value: V,
}

/// All writes of one value.
pub struct Register<V> {
    initial: V,
    writes: Vec<Write<V>>,
}

impl<V: Copy + PartialEq> Register<V> {
    pub fn of(initial: V) -> Self {
        Self { initial, writes: Vec::new() }
    }

    pub fn write(&mut self, begun: Duration, answered: Option<Duration>, value: V) {
        self.writes.push(Write { begun, answered, value });
    }

    /// Every value that a read between these instants can give: of each write that began before its
    /// end and that no other certainly replaced before it began.
    pub fn possible(&self, begun: Duration, ended: Duration) -> Vec<V> {
        let replaced_after = |known: Option<Duration>| {
            self.writes.iter().any(|later| {
                known.is_some_and(|known| known < later.begun)
                    && later.answered.is_some_and(|answered| answered < begun)
            })
        };
        let mut possible: Vec<V> = self
            .writes
            .iter()
            .filter(|write| write.begun < ended && !replaced_after(write.answered))
            .map(|write| write.value)
            .collect();
        let overwritten =
            self.writes.iter().any(|w| w.answered.is_some_and(|answered| answered < begun));
        if !overwritten {
            possible.push(self.initial);
        }
        possible
    }
}
