//! A server that remembers a session: what it remembers, and the clock and the lease by which it
//! answers from that.

use super::explorer::Step;
use super::rules::{Laws, Premise, Rule};

/// How long things take, in ticks of the fastest clock that there may be.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// By the clock of the server that holds it.
    pub lease: u8,
    /// By the clock of whoever waits.
    pub wait: u8,
    /// The slowest clock that there may be misses one tick of so many.
    pub misses_one_of: u8,
}

impl Times {
    /// A quarter more, as the product has it.
    pub const QUARTER: Self = Self { lease: 4, wait: 5, misses_one_of: 5 };
    /// The same with fewer ticks, and so with fewer states.
    pub const HALF: Self = Self { lease: 2, wait: 3, misses_one_of: 3 };

    /// How long a revoke is answered after it was acknowledged.
    pub fn until_answered(self, changed: bool, laws: Laws) -> u8 {
        let waits = changed || laws.keep(Rule::WaitWhereNothingChanged);
        match (waits && laws.keep(Rule::Wait), laws.keep(Rule::Margin)) {
            (false, _) => 0,
            (true, false) => self.lease,
            (true, true) => self.wait,
        }
    }
}

/// A check that asks the store, and remembers what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reading {
    /// None whose answer may be remembered.
    Nothing,
    Begun,
    /// The store said that the session is live.
    Live,
}

/// A check that began when everybody was told of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Check {
    NotYet,
    /// It saw a lease, and is about to look for the entry.
    SawLease,
    /// It found the entry, and is about to look for a lease.
    SawEntry,
    /// It was accepted.
    Accepted,
}

/// How things are with the session.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// In the store.
    pub is_over: bool,
    /// Everybody may rely on it: an end was answered, or acknowledged so long ago that it could
    /// have been.
    pub is_final: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    remembers: bool,
    reading: Reading,
    check: Check,
    /// What is left of the lease, by its own clock.
    lease: u8,
    /// How long ago its clock was read for the last probe, while an answer may come.
    noted: Option<u8>,
    /// For how many ticks its clock has missed none.
    steady: u8,
}

impl Holder {
    pub fn new(times: Times) -> Self {
        Self {
            remembers: false,
            reading: Reading::Nothing,
            check: Check::NotYet,
            lease: 0,
            noted: None,
            steady: times.misses_one_of,
        }
    }

    /// Whether a check that began when everybody was told of the end was accepted.
    pub fn accepted(self) -> bool {
        self.check == Check::Accepted
    }

    /// Time passes; `None` where its clock may not miss it.
    pub fn after_tick(self, misses: bool, (laws, times): (Laws, Times)) -> Option<Self> {
        let mut after = self;
        if misses {
            after.steady = 0;
            let may_miss = self.steady + 1 >= times.misses_one_of;
            return (may_miss || !laws.rest_on(Premise::ClocksAgree)).then_some(after);
        }
        after.steady = (self.steady + 1).min(times.misses_one_of);
        after.noted = self.noted.map(|ago| (ago + 1).min(times.lease));
        if laws.keep(Rule::ClockIsReadByEachCheck) {
            after.lease = self.lease.saturating_sub(1);
        }
        Some(after)
    }

    /// Reads the clock, and asks the store whether everything is told.
    pub fn note(&mut self) {
        self.noted = Some(0);
    }

    /// The store has answered. `is_last`: no other probe is under way.
    pub fn extend_lease(&mut self, is_last: bool, (laws, times): (Laws, Times)) {
        let Some(ago) = self.noted else { return };
        let from = if laws.keep(Rule::LeaseFromBeforeTheProbe) { ago } else { 0 };
        self.lease = times.lease - from;
        if is_last {
            self.noted = None;
        }
    }

    /// No answer will come any more.
    pub fn give_up_probe(&mut self) {
        self.noted = None;
    }

    /// Forgets the session, and lets nothing in that was read before. Such a read goes on, for the
    /// check alone that began it.
    pub fn drop_entry(&mut self, laws: Laws) {
        self.remembers = false;
        if laws.keep(Rule::InvalidationsRejectStaleInserts) {
            self.reading = Reading::Nothing;
        }
    }

    fn has_lease(self, laws: Laws) -> bool {
        // Another store, in which nothing has changed, vouches all the time.
        self.lease > 0 || !laws.keep(Rule::EveryStoreVouches)
    }

    /// Everything that it can do by itself.
    pub fn operations(self, standing: Standing, laws: Laws) -> Vec<(Step, Self)> {
        let mut operations = self.reads(standing, laws);
        if standing.is_final {
            operations.extend(self.checks(laws));
        }
        operations
    }

    fn reads(self, standing: Standing, laws: Laws) -> Vec<(Step, Self)> {
        let Standing { is_over, is_final } = standing;
        let goes_to = |reading| Self { reading, ..self };
        match self.reading {
            // Whoever asks from now on is told that it is over.
            Reading::Nothing if is_over => vec![],
            Reading::Nothing => vec![(Step("a read begins", None), goes_to(Reading::Begun))],
            Reading::Begun if is_over => {
                vec![(Step("it is told of the end", None), goes_to(Reading::Nothing))]
            }
            Reading::Begun => {
                vec![(Step("it is told of a live session", None), goes_to(Reading::Live))]
            }
            Reading::Live => {
                let remembering = Self { remembers: true, ..goes_to(Reading::Nothing) };
                let mut operations = vec![(Step("that is remembered", None), remembering)];
                if is_final && !laws.keep(Rule::ReadsOfTheirOwn) {
                    let joined = Self { check: Check::Accepted, ..self };
                    operations.push((Step("a check joins it, and is accepted", None), joined));
                }
                operations
            }
        }
    }

    fn checks(self, laws: Laws) -> Option<(Step, Self)> {
        let goes_to = |what, check| Some((Step(what, None), Self { check, ..self }));
        let in_order = laws.keep(Rule::LeaseBeforeEntry);
        match self.check {
            Check::NotYet if in_order && self.has_lease(laws) => {
                goes_to("a check sees a lease", Check::SawLease)
            }
            Check::NotYet if !in_order && self.remembers => {
                goes_to("a check finds the session", Check::SawEntry)
            }
            Check::SawLease if self.remembers => {
                goes_to("it finds the session, and is accepted", Check::Accepted)
            }
            Check::SawEntry if self.has_lease(laws) => {
                goes_to("it sees a lease, and is accepted", Check::Accepted)
            }
            _ => None,
        }
    }
}
