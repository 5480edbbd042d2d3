//! A short name of the device behind a `User-Agent`, for lists of sessions. A guess, for display
//! only.

mod table;

use table::{BROWSERS, DEVICES, ON_IPAD, SYSTEMS, TOOLS};

/// The most bytes of an agent that are read.
const MAX_READ: usize = 512;

/// The device behind a `User-Agent`: "Firefox on Linux", "Safari on iPhone", "Samsung TV",
/// "curl". Always one of a fixed set of texts, and never a part of the agent itself.
#[must_use]
pub fn device_name(user_agent: &str) -> String {
    let agent = &user_agent[..user_agent.floor_char_boundary(MAX_READ)];
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

/// The name of the first known part that the agent contains, found in one pass: every response that
/// describes a session calls this.
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
