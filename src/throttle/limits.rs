//! The counters that an attempt moves. `docs/decisions/0005-throttling.md` explains the choice.

use std::time::Duration;

use super::{AccountKey, Counter, CounterKey, Network, Pace, Rate};

const DAY: Duration = Duration::from_hours(24);
/// An IPv6 /48 holds 65536 networks; it may do as much as this many of them.
const NETWORKS_OF_A_SITE: u32 = 10;
/// How many times as many wrong passwords as at once one network may try at an account in a day.
const DAY_FROM_ONE_NETWORK: u32 = 5;
/// And all networks together.
const DAY_FROM_EVERYWHERE: u32 = 10;

/// The limits; `None` for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleOptions {
    /// Wrong passwords for one account from one network. The daily limits of an account derive from
    /// it.
    pub account: Option<Rate>,
    /// Wrong passwords from one network, whatever the account.
    pub network: Option<Rate>,
    /// Sign-ups from one network.
    pub signup: Option<Rate>,
}

impl Default for ThrottleOptions {
    /// 10 in 10 minutes, 30 in 10 minutes, 20 in an hour.
    fn default() -> Self {
        let rate = |count, minutes| Some(Rate { count, per: Duration::from_mins(minutes) });
        Self { account: rate(10, 10), network: rate(30, 10), signup: rate(20, 60) }
    }
}

/// The limit that a counter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Passwords for one account from one network, in a short time.
    AccountFromNetwork,
    /// The same, in a day.
    AccountFromNetworkInADay,
    /// Passwords for one account from all networks that are not known to it, in a day.
    AccountInADay,
    /// Passwords from one network.
    Network,
    /// Passwords from one IPv6 /48.
    Site,
    /// Sign-ups from one network or IPv6 /48.
    SignUps,
}

impl Limit {
    /// The name in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountFromNetwork => "account_from_network",
            Self::AccountFromNetworkInADay => "account_from_network_in_a_day",
            Self::AccountInADay => "account_in_a_day",
            Self::Network => "network",
            Self::Site => "site",
            Self::SignUps => "signups",
        }
    }

    /// Whether a correct password clears the counter.
    pub(super) fn is_cleared_by_success(self) -> bool {
        matches!(self, Self::AccountFromNetwork | Self::AccountFromNetworkInADay)
    }
}

/// A counter and its limit.
pub(super) type Limited = (Limit, Counter);

impl ThrottleOptions {
    /// No limits at all.
    #[must_use]
    pub fn off() -> Self {
        Self { account: None, network: None, signup: None }
    }

    /// The counters of a password attempt. A network that is known to the account is left out of
    /// the limit that all networks share.
    pub(super) fn of_password(
        &self,
        account: &AccountKey,
        from: Option<Network>,
        is_known: bool,
    ) -> Vec<Limited> {
        let mut limits = of_network(self.network, from, "passwords", [Limit::Network, Limit::Site]);
        let Some(rate) = self.account else { return limits };
        let from = from.map_or_else(|| "unknown".to_owned(), |network| network.to_string());
        let in_a_day = |times: u32| Pace::at_most(rate.count.saturating_mul(times), DAY);
        let mut of_account = |limit, scope: String, pace| {
            limits.push((limit, Counter { key: CounterKey::of_account(account, scope), pace }));
        };
        of_account(Limit::AccountFromNetwork, format!("short {from}"), Pace::of(rate));
        let day = in_a_day(DAY_FROM_ONE_NETWORK);
        of_account(Limit::AccountFromNetworkInADay, format!("day {from}"), day);
        if !is_known && *account != AccountKey::anonymous() {
            let day = in_a_day(DAY_FROM_EVERYWHERE);
            of_account(Limit::AccountInADay, "day everywhere".to_owned(), day);
        }
        limits
    }

    /// The counters of a sign-up.
    pub(super) fn of_sign_up(&self, from: Option<Network>) -> Vec<Limited> {
        of_network(self.signup, from, "signups", [Limit::SignUps; 2])
    }
}

fn of_network(
    rate: Option<Rate>,
    from: Option<Network>,
    scope: &str,
    [alone, as_site]: [Limit; 2],
) -> Vec<Limited> {
    let (Some(rate), Some(network)) = (rate, from) else { return Vec::new() };
    let counter = |text: &str, rate| Counter {
        key: CounterKey::of_network(text, scope),
        pace: Pace::of(rate),
    };
    let mut limits = vec![(alone, counter(&network.to_string(), rate))];
    if let Some(site) = network.site() {
        let count = rate.count.saturating_mul(NETWORKS_OF_A_SITE);
        limits.push((as_site, counter(&format!("{site}/48"), Rate { count, ..rate })));
    }
    limits
}
