//! What only one transaction may do at a time where there is no row to lock.

/// Held from when it is taken to the end of the transaction.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::sql) enum Lock {
    /// Taking from an account that it is an active administrator, and making the first one.
    Administrators,
    /// Giving an order. So positions become visible in their order: whoever has seen one has seen
    /// all before it.
    Orders,
}

impl Lock {
    /// The first number tells ours from those of other programs that use the same database.
    pub(super) fn taking(self) -> &'static str {
        match self {
            Self::Administrators => "SELECT pg_advisory_xact_lock(1634628716, 1)",
            Self::Orders => "SELECT pg_advisory_xact_lock(1634628716, 2)",
        }
    }
}
