//! Headers by which a browser is told apart from others.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderValue, header};
use ipnet::IpNet;

use crate::http::fuzzing::headers_of;
use crate::http::session::cookie::{CookieShape, Presented, preference, set_preference};
use crate::http::session::language::Language;
use crate::network::TrustedProxies;
use crate::sessions::Token;

/// Lines of `Cookie`: only one exact value is ever a token, and the token is that very text.
pub(crate) fn cookie(input: &[u8]) {
    let headers = headers_of("cookie", input);
    for shape in [CookieShape::SECURE, CookieShape::LOOPBACK] {
        let values = values_named(shape.name(), &headers);
        match (shape.presented(&headers), values.as_slice()) {
            (Presented::Nothing, []) | (Presented::Several, [_, _, ..]) => {}
            (Presented::Malformed, [value]) => {
                assert!(!is_issued(value), "a token was passed over");
            }
            (Presented::Token(token), [value]) => {
                assert_eq!(token.reveal().as_bytes(), value);
                assert!(is_issued(value), "never issued");
                comes_back(&shape, &token);
            }
            (presented, values) => panic!("{presented:?} of {} values", values.len()),
        }
    }
    let (lang, values) = (preference(&headers, "lang"), values_named("lang", &headers));
    let first = values.first().and_then(|value| std::str::from_utf8(value).ok());
    assert_eq!(lang, first.filter(|value| value.len() <= 32));
}

/// The values of all cookies of a name, by another way than the parser's.
fn values_named(name: &str, headers: &HeaderMap) -> Vec<Vec<u8>> {
    let lines: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let all = lines.join(&b';');
    let mut values = Vec::new();
    for pair in all.split(|byte| *byte == b';') {
        let blank = pair.iter().take_while(|byte| [b' ', b'\t'].contains(byte)).count();
        let mut halves = pair[blank..].splitn(2, |byte| *byte == b'=');
        if let (Some(found), Some(value)) = (halves.next(), halves.next())
            && found == name.as_bytes()
        {
            values.push(value.to_vec());
        }
    }
    values
}

fn is_issued(value: &[u8]) -> bool {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    value.len() == 43 && value.iter().all(|byte| ALPHABET.contains(byte))
}

/// A browser sends back what it was given, and only under the name of its shape.
fn comes_back(shape: &CookieShape, token: &Token) {
    let secure = shape.name().starts_with("__Host-");
    for age in [None, Some(60)] {
        let sent = shape.set(token, age).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
        let sent = String::from_utf8(sent).unwrap_or_default();
        let mut parts = sent.split("; ");
        let pair = parts.next().unwrap_or_default();
        let attributes: Vec<_> = parts.collect();
        let mut expected = vec!["HttpOnly", "Path=/", "SameSite=Lax"];
        expected.extend(secure.then_some("Secure"));
        expected.extend(age.map(|_| "Max-Age=60"));
        assert_eq!(attributes, expected);

        let back = headers_of("cookie", pair.as_bytes());
        let same = |found| matches!(found, Presented::Token(found) if found == *token);
        assert!(same(shape.presented(&back)), "{pair}");
        let twice = headers_of("cookie", format!("{pair}; {pair}").as_bytes());
        assert!(matches!(shape.presented(&twice), Presented::Several));
    }
    let secure = if secure { "; Secure" } else { "" };
    let text = |value: Option<HeaderValue>| {
        value.and_then(|value| value.to_str().map(str::to_owned).ok()).unwrap_or_default()
    };
    let year = format!("lang=ko; Path=/; SameSite=Lax{secure}; Max-Age=31536000");
    assert_eq!(text(set_preference(shape, "lang", "ko")), year);
    let gone = format!("{}=; HttpOnly; Path=/; SameSite=Lax{secure}; Max-Age=0", shape.name());
    assert_eq!(text(shape.remove()), gone);
}

/// The first byte is the peer, the lines that follow are `X-Forwarded-For`: the answer is the peer,
/// or an address that a trusted peer named and behind which only trusted ones stand.
pub(crate) fn network(input: &[u8]) {
    let (choice, lines) = input.split_first().unwrap_or((&0, &[]));
    let proxies = TrustedProxies::new(trusted());
    let peers = ["10.0.0.1", "::ffff:10.0.0.1", "fd00::1", "192.0.2.9", "2001:db8::1"];
    let Ok(peer) = peers[usize::from(*choice) % peers.len()].parse::<IpAddr>() else { return };
    let mut extensions = Extensions::new();
    extensions.insert(ConnectInfo(SocketAddr::new(peer, 4000)));
    let headers = headers_of("x-forwarded-for", lines);
    let peer = peer.to_canonical();

    assert_eq!(proxies.sent(&extensions), is_trusted(peer));
    let found = proxies.client_address(&headers, &extensions);
    let Some(found) = found else { panic!("a peer has an address") };
    assert_eq!(found, expected(peer, &headers));

    // Whatever a browser claims, the last word is the proxy's.
    let said = [lines, b",192.0.2.77"].concat();
    let headers = headers_of("x-forwarded-for", &said);
    let last =
        headers.iter().last().is_some_and(|(_, value)| value.as_bytes().ends_with(b",192.0.2.77"));
    if last && is_trusted(peer) {
        let told = proxies.client_address(&headers, &extensions);
        assert_eq!(told.map(|told| told.to_string()).as_deref(), Some("192.0.2.77"));
    }
    user_agent(&proxies, lines, &extensions);
}

fn trusted() -> Vec<IpNet> {
    ["10.0.0.0/8", "fd00::/8"].iter().filter_map(|network| network.parse().ok()).collect()
}

fn is_trusted(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets()[0] == 10,
        IpAddr::V6(address) => address.octets()[0] == 0xFD,
    }
}

fn expected(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !is_trusted(peer) {
        return peer;
    }
    let mut named = Vec::new();
    for line in headers.get_all("x-forwarded-for") {
        let entries = line.as_bytes().split(|byte| *byte == b',');
        named.extend(entries.map(|entry| address(std::str::from_utf8(entry).ok()?.trim())));
    }
    while let Some(address) = named.pop() {
        match address {
            None => return peer,
            Some(address) if !is_trusted(address) || named.is_empty() => return address,
            Some(_) => {}
        }
    }
    peer
}

/// The address that an entry is, perhaps in brackets, perhaps with a port.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    let with_port = entry.parse::<SocketAddr>().map(|address| address.ip());
    let address = with_port.or_else(|_| bare.parse::<IpAddr>()).ok()?;
    Some(address.to_canonical())
}

fn user_agent(proxies: &TrustedProxies, input: &[u8], extensions: &Extensions) {
    let headers = headers_of("user-agent", input);
    let agent = proxies.client(&headers, extensions).user_agent;
    assert!(agent.chars().count() <= 256 && !agent.contains(char::is_control), "{agent:?}");
    let none = proxies.client_address(&headers, &Extensions::new());
    assert_eq!(none, None::<Ipv6Addr>.map(IpAddr::V6), "without a peer there is no address");
}

/// The first line is the `lang` cookie, the second `Accept-Language`.
pub(crate) fn language(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (cookie, accepted) = text.split_once('\n').unwrap_or(("", text));
    let language = Language::of(Some(cookie), Some(accepted));
    assert_eq!(Language::parse(language.tag()), Some(language));
    if let Some(chosen) = Language::parse(cookie) {
        assert_eq!(language, chosen, "the cookie comes first");
    }
    let asked = accepted.to_ascii_lowercase().contains("ko");
    assert!(asked || cookie == "ko" || language == Language::English, "nobody asked for it");
    // More of the same changes nothing.
    let again = format!("{accepted},{accepted}");
    assert!(
        accepted.split(',').count() > 16
            || Language::of(None, Some(&again)) == Language::of(None, Some(accepted))
    );
}
