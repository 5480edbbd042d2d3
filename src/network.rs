//! The address of the client: the peer, or the address that a trusted proxy forwards.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderValue};
use ipnet::IpNet;

use crate::sessions::Client;

/// Maximum length of a stored `User-Agent` in characters.
const MAX_USER_AGENT: usize = 256;
/// Headers that proxies add.
const PROXY_HEADERS: [&str; 3] = ["forwarded", "via", "x-forwarded-for"];

/// The proxies whose `X-Forwarded-*` headers are read.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Trusts the proxies in these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this is the address of a trusted proxy.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether the request came directly from a trusted proxy.
    pub(crate) fn sent(&self, extensions: &Extensions) -> bool {
        peer(extensions).is_some_and(|peer| self.trusts(peer))
    }

    /// The address of the client: the rightmost forwarded one that is not a trusted proxy. If an entry
    /// before it is not an address, the result is the peer.
    pub(crate) fn client_address(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Option<IpAddr> {
        let peer = peer(extensions)?;
        if !self.trusts(peer) {
            return Some(peer);
        }
        let mut client = peer;
        let lines: Vec<_> = headers.get_all("x-forwarded-for").into_iter().collect();
        for line in lines.into_iter().rev() {
            // Entry by entry: invalid text that a client sent first must not affect later entries.
            for entry in line.as_bytes().rsplit(|byte| *byte == b',') {
                let entry = std::str::from_utf8(entry.trim_ascii()).ok();
                let Some(address) = entry.and_then(forwarded_address) else { return Some(peer) };
                client = address;
                if !self.trusts(address) {
                    return Some(client);
                }
            }
        }
        Some(client)
    }

    /// The client of a request, for the session that it may start.
    pub(crate) fn client(&self, headers: &HeaderMap, extensions: &Extensions) -> Client {
        self.sender(headers, extensions).client()
    }

    /// Like [`TrustedProxies::client`], without decoding the `User-Agent`, which most requests do not
    /// need.
    pub(crate) fn sender(&self, headers: &HeaderMap, extensions: &Extensions) -> Sender {
        let user_agent = headers.get(axum::http::header::USER_AGENT).cloned();
        let connection = extensions.get().map(|ConnectInfo(peer): &ConnectInfo<SocketAddr>| *peer);
        // An untrusted proxy may also send requests of many clients on one connection.
        let by_a_proxy = || PROXY_HEADERS.iter().any(|name| headers.contains_key(*name));
        let connection = connection.filter(|_| !self.sent(extensions) && !by_a_proxy());
        Sender { address: self.client_address(headers, extensions), connection, user_agent }
    }
}

/// The sender of a request.
pub(crate) struct Sender {
    pub(crate) address: Option<IpAddr>,
    /// The peer of the connection, unless it is a proxy, which serves many clients.
    pub(crate) connection: Option<SocketAddr>,
    user_agent: Option<HeaderValue>,
}

impl Sender {
    pub(crate) fn client(&self) -> Client {
        let agent = self.user_agent.as_ref().map(|agent| readable(agent.as_bytes()));
        Client { ip_address: self.address, user_agent: agent.unwrap_or_default() }
    }
}

/// Removes control characters and truncates to [`MAX_USER_AGENT`].
fn readable(agent: &[u8]) -> String {
    let text = String::from_utf8_lossy(agent);
    // The common case, on the path of every request.
    if text.len() <= MAX_USER_AGENT && text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return text.into_owned();
    }
    text.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect()
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let ConnectInfo(address) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(address.ip().to_canonical())
}

/// Some proxies add the port.
fn forwarded_address(entry: &str) -> Option<IpAddr> {
    let address = entry
        .parse::<IpAddr>()
        .or_else(|_| entry.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| entry.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests;
