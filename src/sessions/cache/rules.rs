//! Names of the lease rules, so that tests can switch one off and see what breaks.

/// A rule without which a revoked session may be accepted. docs/decisions/0010-leases.md explains
/// each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A revoke is answered once the leases granted before have expired.
    Wait,
    /// The wait is a quarter longer than a lease, because clock rates differ.
    Margin,
    /// The wait happens also where there was nothing to end.
    WaitWhereNothingChanged,
    /// A value read before an invalidation is not cached after it.
    InvalidationsRejectStaleInserts,
    /// Invalidations ahead of the answer to a probe are applied before the answer counts.
    ChangesBeforeAnswers,
    /// A probe checks the subscription, not only the connection.
    SubscriptionIsChecked,
    /// The feed of ends shows an entry once the leases granted before it have expired.
    FeedWaits,
    /// An operation runs to completion, also when its request is dropped.
    OutlivesItsRequest,
}

/// Whether a rule is in force: always, except in debug builds with the feature `testing`, which break
/// the rule named in `TEST_WITHOUT_RULE`.
#[cfg(not(all(feature = "testing", debug_assertions)))]
pub(crate) const fn is_kept(_: Rule) -> bool {
    true
}

/// See above.
#[cfg(all(feature = "testing", debug_assertions))]
pub(crate) fn is_kept(rule: Rule) -> bool {
    static BROKEN: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| std::env::var("TEST_WITHOUT_RULE").unwrap_or_default());
    *BROKEN != format!("{rule:?}")
}
