//! What makes the promise hold: our rules, and what they rest on.

/// A rule of `docs/decisions/0010-leases.md`, which explains each by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    LeaseFromBeforeTheProbe,
    OneProbeAtATime,
    ChangesBeforeAnswers,
    SubscriptionIsChecked,
    EveryStoreVouches,
    ConfirmationDropsEverything,
    InvalidationsRejectStaleInserts,
    OneTokenOfASession,
    TouchesBringNothingBack,
    ReadsOfTheirOwn,
    ClockIsReadByEachCheck,
    LeaseBeforeEntry,
    Wait,
    Margin,
    WaitFromTheAcknowledgement,
    WaitWhereNothingChanged,
    InvalidationWhereNothingChanged,
    OwnDrop,
    DropWhereNothingIsKnown,
    OutlivesItsRequest,
}

/// What nothing here can make true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Premise {
    /// The slowest clock and the fastest differ by no more than the margin allows.
    ClocksAgree,
    /// What was acknowledged before a probe was sent is told before the probe is answered.
    StoresTellInOrder,
    /// A task that can go on does so before the wait is over.
    TasksGetTheirTurn,
}

/// All of it, or all but one.
#[derive(Clone, Copy, Debug)]
pub struct Laws {
    broken: Option<Rule>,
    untrue: Option<Premise>,
}

impl Laws {
    pub const ALL: Self = Self { broken: None, untrue: None };

    pub const fn without(rule: Rule) -> Self {
        Self { broken: Some(rule), untrue: None }
    }

    pub const fn unless(premise: Premise) -> Self {
        Self { broken: None, untrue: Some(premise) }
    }

    pub fn keep(self, rule: Rule) -> bool {
        self.broken != Some(rule)
    }

    pub fn rest_on(self, premise: Premise) -> bool {
        self.untrue != Some(premise)
    }
}
