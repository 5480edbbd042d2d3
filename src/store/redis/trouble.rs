//! Errors of opening Redis. Their one-line messages say what to do.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::address::Address;
use super::fitness::Unfit;

/// Why sessions cannot be kept in Redis.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RedisOpenError {
    /// The address is malformed.
    #[error("ANTEROOM_SESSIONS is no address of a Redis server: {0}")]
    Address(String),
    /// The server cannot be used.
    #[error("cannot keep sessions in Redis at {place}: {trouble}")]
    Server {
        /// The address, without user and password.
        place: String,
        /// The cause.
        trouble: RedisTrouble,
    },
}

/// Why a server cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RedisTrouble {
    /// It does not answer in time.
    #[error("it does not answer within a second; check that it runs, and ANTEROOM_SESSIONS")]
    Silent,
    /// It cannot be reached, or is not ready.
    #[error("{0}; check that it runs, and ANTEROOM_SESSIONS")]
    Unreachable(String),
    /// It answers, but a retry cannot succeed.
    #[error("{0}; check that it runs, and ANTEROOM_SESSIONS")]
    Unusable(String),
    /// The user or password is wrong.
    #[error("it refuses the login: {0}; check user and password in ANTEROOM_SESSIONS")]
    Refused(String),
    /// The user lacks the right for a command.
    #[error("it does not allow {0}; docs/deploy/redis.md lists the rights that its user needs")]
    Rights(String),
    /// The user lacks a right that the server does not name.
    #[error("it lacks a right: {0}; docs/deploy/redis.md lists the rights that its user needs")]
    Denied(String),
    /// It cannot keep sessions.
    #[error("it {0}")]
    Unfit(Unfit),
}

impl RedisOpenError {
    /// Whether a retry may succeed: the server is not running or not ready yet.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Server { trouble: RedisTrouble::Silent | RedisTrouble::Unreachable(_), .. }
        )
    }

    pub(super) fn new(address: &Address, trouble: RedisTrouble) -> Self {
        Self::Server { place: address.display().to_owned(), trouble }
    }
}

impl RedisTrouble {
    pub(super) fn of(error: &RedisError) -> Self {
        let text = error.to_string().lines().collect::<Vec<_>>().join(" ");
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Refused(text),
            ErrorKind::Server(ServerErrorKind::NoPerm) => denied(error.detail().unwrap_or(&text)),
            ErrorKind::Extension if matches!(error.code(), Some("NOAUTH" | "WRONGPASS")) => {
                Self::Refused(text)
            }
            _ if error.is_timeout() => Self::Silent,
            _ if is_temporary(error, &text) => Self::Unreachable(text),
            _ => Self::Unusable(text),
        }
    }
}

/// Whether a retry may succeed: the server is unreachable, loading its data, or temporarily unable
/// to save. A wrong certificate is permanent.
fn is_temporary(error: &RedisError, text: &str) -> bool {
    const TEMPORARY: [&str; 4] = ["LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS"];
    match error.kind() {
        ErrorKind::Io => !text.contains("certificate"),
        ErrorKind::MasterNameNotFoundBySentinel | ErrorKind::NoValidReplicasFoundBySentinel => true,
        _ => error.code().is_some_and(|code| TEMPORARY.contains(&code)),
    }
}

/// A refusal for lack of rights names the command between quotes.
fn denied(detail: &str) -> RedisTrouble {
    match detail.split('\'').nth(1) {
        Some(command) => RedisTrouble::Rights(format!("the command {command}")),
        None => RedisTrouble::Denied(detail.trim_end_matches('.').to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_is_explained() {
        for (detail, message) in [
            (
                "this user has no permissions to run the 'evalsha' command",
                "it does not allow the command evalsha; docs/deploy/redis.md lists the rights \
                 that its user needs",
            ),
            (
                "User anteroom has no permissions to run the 'config|get' command",
                "it does not allow the command config|get; docs/deploy/redis.md lists the rights \
                 that its user needs",
            ),
            (
                "No permissions to access a key",
                "it lacks a right: No permissions to access a key; docs/deploy/redis.md lists \
                 the rights that its user needs",
            ),
        ] {
            assert_eq!(denied(detail).to_string(), message);
        }
    }
}
