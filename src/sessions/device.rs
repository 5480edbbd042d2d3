//! A short name for what a session was started from, for people who look at their list of
//! sessions. A guess: nothing is decided by it.

/// No classifier needs more of an agent than this; the rest could only cost time.
const LOOKED_AT: usize = 512;

/// What an agent contains, and what it is then. The first that fits counts: most browsers also
/// name the ones that they descend from.
const BROWSERS: &[(&str, &str)] = &[
    ("HeadlessChrome/", "Chromium"),
    ("Chromium/", "Chromium"),
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("YaBrowser/", "Yandex Browser"),
    ("UCBrowser/", "UC Browser"),
    ("DuckDuckGo/", "DuckDuckGo"),
    ("Ddg/", "DuckDuckGo"),
    ("Focus/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Seamonkey/", "SeaMonkey"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("MSIE ", "Internet Explorer"),
    ("Trident/", "Internet Explorer"),
    ("Epiphany/", "GNOME Web"),
    ("Safari/", "Safari"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("iPod", "iPod"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("Linux", "Linux"),
    ("X11", "Linux"),
];

/// What an agent that is no browser begins with, in lower case.
const TOOLS: &[(&str, &str)] = &[
    ("curl/", "curl"),
    ("wget/", "Wget"),
    ("python", "Python"),
    ("aiohttp/", "Python"),
    ("go-http-client/", "Go"),
    ("node", "Node.js"),
    ("undici", "Node.js"),
    ("axios/", "Node.js"),
    ("okhttp/", "OkHttp"),
    ("java/", "Java"),
    ("java-http-client/", "Java"),
    ("apache-httpclient/", "Java"),
    ("postmanruntime/", "Postman"),
    ("insomnia/", "Insomnia"),
    ("httpie/", "HTTPie"),
    ("reqwest/", "Rust"),
    ("ruby", "Ruby"),
    ("guzzlehttp/", "PHP"),
    ("mozilla/5.0 (windows nt; windows nt", "PowerShell"),
];

/// The device behind a `User-Agent`: "Firefox on Linux", "Safari on iPhone", "curl". Always one
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
    match (first_of(BROWSERS, agent), first_of(SYSTEMS, agent)) {
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
    matches!(byte, b'A'..=b'Z' | b'i')
}

#[cfg(test)]
mod tests;
