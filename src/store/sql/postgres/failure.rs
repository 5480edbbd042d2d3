//! Classifies errors of the driver.

use std::error::Error;
use std::io;

use sqlx::postgres::PgSeverity;

/// Whether the connection is lost. The result of the running statement is unknown.
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

/// Whether the server rolled the transaction back because of a deadlock or serialization failure,
/// so that a retry may succeed.
pub(super) fn is_serialization_failure(error: &sqlx::Error) -> bool {
    const DEADLOCK: &str = "40P01";
    const SERIALIZATION: &str = "40001";
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == DEADLOCK || code == SERIALIZATION)
}

/// Whether the server refuses more connections.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    const TOO_MANY_CONNECTIONS: &str = "53300";
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == TOO_MANY_CONNECTIONS)
}

/// Whether an administrator of the server ended the connection, or the network did. A server that
/// shuts down refuses the next connection.
pub(super) fn was_ended(error: &sqlx::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    const ADMIN_SHUTDOWN: &str = "57P01";
    match error {
        sqlx::Error::Io(error) => {
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
        }
        error => {
            let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
            code.is_some_and(|code| code == ADMIN_SHUTDOWN)
        }
    }
}

/// Whether a later attempt may succeed: the server is unreachable, starting, stopping, or refuses
/// more connections.
pub(in crate::store::sql) fn may_pass(error: &(dyn Error + 'static)) -> bool {
    const STATES: [&str; 3] = ["57P01", "57P02", "57P03"];
    match error.downcast_ref::<sqlx::Error>() {
        Some(sqlx::Error::Io(error)) => is_temporary(error),
        Some(error) if is_full(error) => true,
        Some(sqlx::Error::Database(error)) => {
            error.code().is_some_and(|code| STATES.contains(&&*code))
        }
        _ => false,
    }
}

/// Unreadable files, such as a certificate, and malformed answers are permanent. An unknown host
/// name may belong to a container that starts later.
fn is_temporary(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, NotFound, PermissionDenied};
    !matches!(error.kind(), InvalidData | InvalidInput | NotFound | PermissionDenied)
}
