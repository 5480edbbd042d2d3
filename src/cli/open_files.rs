//! Raises the limit of open files: each connection needs one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files of the database, the log and the runtime, rounded up.
const RESERVED_FILES: usize = 64;

/// Raises the soft limit of open files for `wanted` connections, up to the hard limit. Returns how
/// many connections fit.
pub(super) fn connections(wanted: usize) -> usize {
    let needed = wanted.saturating_add(RESERVED_FILES);
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
            "the limit of open files is too low for ANTEROOM_MAX_CONNECTIONS: raise the hard limit, \
             with LimitNOFILE= in systemd or ulimit -Hn"
        );
    }
    possible
}

/// The limit to set. `None` if the current one suffices or cannot be raised.
fn raised(limit: Rlimit, needed: u64) -> Option<Rlimit> {
    let current = limit.current.filter(|current| *current < needed)?;
    let possible = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    (possible > current).then_some(Rlimit { current: Some(possible), ..limit })
}

/// How many connections fit into `granted` files; `None` is no limit.
fn connections_within(granted: Option<u64>, needed: usize) -> usize {
    let granted = granted.map_or(needed, |granted| usize::try_from(granted).unwrap_or(needed));
    granted.min(needed).saturating_sub(RESERVED_FILES).max(1)
}

#[cfg(test)]
mod tests;
