//! For how long what is recorded is kept, and what becomes of addresses before that.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const DAY: Duration = Duration::from_hours(24);

/// How long events are kept; `None` is without end.
///
/// Neither is ever shorter than [`Retention::LEAST`]: the database itself refuses to let go of what
/// is younger, for any caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Events, after which they are deleted.
    pub events: Option<Duration>,
    /// The addresses in them, after which they are shortened.
    pub addresses: Option<Duration>,
}

impl Retention {
    /// Events of the last day are always kept unchanged.
    pub const LEAST: Duration = DAY;
}

/// A year, and thirty days for addresses.
impl Default for Retention {
    fn default() -> Self {
        Self { events: Some(365 * DAY), addresses: Some(30 * DAY) }
    }
}

/// The network that an address is shortened to: an IPv4 /24, an IPv6 /48. Whose it was can no
/// longer be told, from which provider it came can.
#[must_use]
pub fn shortened(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(address) => IpNet::V4(Ipv4Net::new(address, 24).unwrap_or_default()).trunc(),
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            // Nobody's network begins with zeros: loopback, and forms of IPv4.
            let length = if a == 0 { 16 } else { 48 };
            let network = Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0);
            IpNet::V6(Ipv6Net::new(network, length).unwrap_or_default()).trunc()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn an_address_is_shortened_to_the_network_of_a_provider() {
        for (address, network) in [
            ("203.0.113.7", "203.0.113.0/24"),
            ("10.0.0.255", "10.0.0.0/24"),
            ("::ffff:203.0.113.7", "203.0.113.0/24"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
            ("2001:db8::1", "2001:db8::/48"),
            ("2001:0:7:1::", "2001:0:7::/48"),
            ("::1", "::/16"),
        ] {
            assert_eq!(shortened(address.parse().unwrap()).to_string(), network);
        }
    }
}
