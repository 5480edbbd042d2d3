//! Programs that some tests need and a machine may lack.

use std::env;
use std::io::Write as _;
use std::path::PathBuf;

/// Where a program is. Without it the caller has to leave its test out, which is said where nobody
/// misses it; under `REQUIRE_EVERY_TEST` the test fails.
pub fn program(name: &str, what_needs_it: &str) -> Option<PathBuf> {
    let found = find(name);
    if found.is_none() {
        for_want_of(&format!("`{name}`"), what_needs_it);
    }
    found
}

/// Where a program is, if it is installed.
pub fn find(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    // Servers are where the path of ordinary users may not lead.
    let servers = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut folders = env::split_paths(&folders).chain(servers);
    folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()))
}

/// Says what is left out, and fails where nothing may be.
pub fn for_want_of(what: &str, what_needs_it: &str) {
    let line = format!("left out for want of {what}: {what_needs_it}");
    let required = env::var_os("REQUIRE_EVERY_TEST").is_some_and(|value| !value.is_empty());
    assert!(!required, "{line}; scripts/test installs what it can on Debian and Ubuntu");
    // Not by eprintln, which the test harness captures.
    let _ = writeln!(std::io::stderr(), "{line}");
}
