//! A short name for what a session was started from, for people who look at their list of
//! sessions. A guess: nothing is decided by it.

mod table;

use table::{BROWSERS, DEVICES, ON_IPAD, SYSTEMS, TOOLS};

/// No classifier needs more of an agent than this; the rest could only cost time.
const LOOKED_AT: usize = 512;

/// The device behind a `User-Agent`: "Firefox on Linux", "Safari on iPhone", "Samsung TV",
/// "curl". Always one
/// of a fixed set of texts; nothing of the agent itself is ever in it.
#[must_use]
pub fn device_name(user_agent: &str) -> String {
    let agent = &user_agent[..user_agent.floor_char_boundary(LOOKED_AT)];
    let begins_with = |prefix: &str| {
        let beginning = agent.as_bytes().get(..prefix.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    if let Some((_, tool)) = TOOLS.iter().find(|(prefix, _)| begins_with(prefix)) {
        return (*tool).to_owned();
    }
    if let Some(device) = first_of(DEVICES, agent) {
        return device.to_owned();
    }
    let is_ipad = || ON_IPAD.iter().any(|part| agent.contains(part));
    let system = first_of(SYSTEMS, agent);
    let system = system.map(|name| if name == "macOS" && is_ipad() { "iPad" } else { name });
    match (first_of(BROWSERS, agent), system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}

/// What the agent is by the first part of these that it contains. In one go: this is asked with
/// every answer that describes a session.
fn first_of(known: &[(&str, &'static str)], agent: &str) -> Option<&'static str> {
    let (bytes, mut first) = (agent.as_bytes(), known.len());
    let beginnings = bytes.iter().enumerate().filter(|(_, byte)| may_begin(**byte));
    for (place, _) in beginnings {
        let is_here = |(part, _): &(&str, _)| bytes[place..].starts_with(part.as_bytes());
        first = known[..first].iter().position(is_here).unwrap_or(first);
    }
    known.get(first).map(|(_, name)| *name)
}

/// Whether a known part may begin with this.
fn may_begin(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b';' | b'(' | b'b' | b'f' | b'i' | b'm' | b'w')
}

#[cfg(test)]
mod tests;
