//! The rules by their names, so that tests can take one away and see what breaks.

/// A rule without which a revoked session may be accepted. docs/decisions/0010-leases.md explains
/// each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A revoke is answered when the leases given before have run out.
    Wait,
    /// And a quarter later, for clocks are not alike.
    Margin,
    /// Also where it found nothing to end.
    WaitWhereNothingChanged,
    /// What was read before something was dropped is not remembered after it.
    DropsReachFills,
    /// Changes that came before the answer to a probe are dropped before the answer counts.
    ChangesBeforeAnswers,
    /// A probe asks after the subscription, not after the connection.
    SubscriptionIsChecked,
    /// The feed of ends shows an entry when the leases given before it have run out.
    FeedWaits,
    /// What was begun is seen through, whether or not anybody waits for it.
    OutlivesItsRequest,
}

/// Whether a rule is in force: always in a release. In a build for tests a process that is started
/// with its name in `TEST_WITHOUT_RULE` breaks it.
#[cfg(not(debug_assertions))]
pub(crate) const fn is_kept(_: Rule) -> bool {
    true
}

/// See above.
#[cfg(debug_assertions)]
pub(crate) fn is_kept(rule: Rule) -> bool {
    static BROKEN: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| std::env::var("TEST_WITHOUT_RULE").unwrap_or_default());
    *BROKEN != format!("{rule:?}")
}
