//! Why Redis cannot keep sessions, in one line that says what to do.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::address::Address;
use super::fitness::Unfit;

/// Why sessions cannot be kept in Redis.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RedisOpenError {
    /// The address cannot be read.
    #[error("ANTEROOM_SESSIONS is no address of a Redis server: {0}")]
    Address(String),
    /// The server cannot be used, for now or at all.
    #[error("cannot keep sessions in Redis at {place}: {trouble}")]
    Server {
        /// The address, without user and password.
        place: String,
        /// What is wrong.
        trouble: RedisTrouble,
    },
}

/// What is wrong with a server.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RedisTrouble {
    /// Nobody answers there in time.
    #[error("it does not answer within a second; check that it runs, and ANTEROOM_SESSIONS")]
    Silent,
    /// It cannot be reached, or is not ready.
    #[error("{0}; check that it runs, and ANTEROOM_SESSIONS")]
    Unreachable(String),
    /// It is there, or somebody else is, and trying again is of no use.
    #[error("{0}; check that it runs, and ANTEROOM_SESSIONS")]
    Unusable(String),
    /// It knows no such user, or another password.
    #[error("it does not let us in: {0}; check user and password in ANTEROOM_SESSIONS")]
    Refused(String),
    /// It lets us in, and does not let us do what has to be done.
    #[error("it does not allow {0}; docs/redis.md has the rights that its user needs")]
    Rights(String),
    /// It lets us in, and refuses something without naming it.
    #[error(
        "it refuses what has to be done: {0}; docs/redis.md has the rights that its user needs"
    )]
    Denied(String),
    /// It may not keep sessions.
    #[error("it {0}")]
    Unfit(Unfit),
}

impl RedisOpenError {
    /// Whether the same start may succeed in a while: the server is not there yet, or is not ready.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Server { trouble: RedisTrouble::Silent | RedisTrouble::Unreachable(_), .. }
        )
    }

    pub(super) fn new(address: &Address, trouble: RedisTrouble) -> Self {
        Self::Server { place: address.shown().to_owned(), trouble }
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
            _ if is_passing(error, &text) => Self::Unreachable(text),
            _ => Self::Unusable(text),
        }
    }
}

/// Whether the server may be ready in a while: it is not there yet, loads what it keeps, or cannot
/// save for now. A certificate stays wrong.
fn is_passing(error: &RedisError, text: &str) -> bool {
    const FOR_NOW: [&str; 4] = ["LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS"];
    match error.kind() {
        ErrorKind::Io => !text.contains("certificate"),
        ErrorKind::MasterNameNotFoundBySentinel | ErrorKind::NoValidReplicasFoundBySentinel => true,
        _ => error.code().is_some_and(|code| FOR_NOW.contains(&code)),
    }
}

/// What a refusal for lack of rights names, between quotes: a command.
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
    fn a_missing_right_makes_a_sentence() {
        for (detail, told) in [
            (
                "this user has no permissions to run the 'evalsha' command",
                "it does not allow the command evalsha; docs/redis.md has the rights that its \
                 user needs",
            ),
            (
                "User anteroom has no permissions to run the 'config|get' command",
                "it does not allow the command config|get; docs/redis.md has the rights that \
                 its user needs",
            ),
            (
                "No permissions to access a key",
                "it refuses what has to be done: No permissions to access a key; docs/redis.md \
                 has the rights that its user needs",
            ),
        ] {
            assert_eq!(denied(detail).to_string(), told);
        }
    }
}
