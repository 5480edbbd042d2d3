//! What a failure of the driver means for what was asked.

use sqlx::postgres::PgSeverity;

/// Whether the connection is of no more use. What was under way on it may have been done or not.
pub(super) fn loses_connection(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => {
            let fatal = |severity| matches!(severity, PgSeverity::Fatal | PgSeverity::Panic);
            error
                .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
                .is_none_or(|error| fatal(error.severity()))
        }
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        _ => false,
    }
}

/// Whether the server took everything back and says that another attempt may do better: of two
/// transactions that wait for each other it gives one up.
pub(super) fn was_given_up(error: &sqlx::Error) -> bool {
    const DEADLOCK: &str = "40P01";
    const SERIALIZATION: &str = "40001";
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == DEADLOCK || code == SERIALIZATION)
}
