//! Advisory locks, where there is no row to lock.

/// Held until the end of the transaction.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::sql) enum Lock {
    /// Removing an active administrator, and creating the first one.
    Administrators,
    /// Appending an order. Positions become visible in order: a reader that sees one has seen all
    /// before it.
    Orders,
}

impl Lock {
    /// The first number separates our locks from those of other programs in the same database.
    pub(super) fn taking(self) -> &'static str {
        match self {
            Self::Administrators => "SELECT pg_advisory_xact_lock(1634628716, 1)",
            Self::Orders => "SELECT pg_advisory_xact_lock(1634628716, 2)",
        }
    }
}
