//! How many files the process may have open: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the database, the logs and the runtime have open, generously.
const OWN_FILES: usize = 64;

/// Sees to it that so many connections may be open, as far as the system lets us, and says how
/// many may be. Systems give a process few files at first and more when it asks.
pub(super) fn connections(wanted: usize) -> usize {
    let needed = wanted.saturating_add(OWN_FILES);
    let limit = getrlimit(Resource::Nofile);
    let raised = raised(limit, needed as u64);
    let granted = match raised {
        Some(raised) if setrlimit(Resource::Nofile, raised).is_ok() => raised.current,
        _ => limit.current,
    };
    let possible = connections_within(granted, needed);
    if possible < wanted {
        tracing::warn!(
            connections = possible,
            wanted,
            "the system lets this process have too few files open for ANTEROOM_MAX_CONNECTIONS: \
             raise the hard limit, as LimitNOFILE= in systemd or ulimit -Hn does"
        );
    }
    possible
}

/// The limit to ask for; `None` where there is no need, or no more to be had.
fn raised(limit: Rlimit, needed: u64) -> Option<Rlimit> {
    let current = limit.current.filter(|current| *current < needed)?;
    let possible = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    (possible > current).then_some(Rlimit { current: Some(possible), ..limit })
}

/// How many connections fit into so many files; `None` is without limit.
fn connections_within(granted: Option<u64>, needed: usize) -> usize {
    let granted = granted.map_or(needed, |granted| usize::try_from(granted).unwrap_or(needed));
    granted.min(needed).saturating_sub(OWN_FILES).max(1)
}

#[cfg(test)]
mod tests;
