mod over_a_store;

use std::net::IpAddr;
use std::time::Duration;

use super::in_flight::{InFlight, Retry};
use super::reports::Reports;
use super::{AccountKey, Counter, CounterKey, Limit, Network, Pace, Rate, ThrottleOptions};
use crate::clock::from_unix_milliseconds;

const MINUTE: i64 = 60_000;
const DAY: Duration = Duration::from_hours(24);

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn network(text: &str) -> Network {
    Network::of(address(text))
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

/// Attempts at these times, and which of them a counter lets through.
fn let_through(pace: Pace, times: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut busy_until = 0;
    let attempt = |now: &i64| {
        if pace.wait(busy_until, *now).is_some() {
            return false;
        }
        busy_until = busy_until.max(*now) + pace.step();
        true
    };
    times.into_iter().filter(attempt).collect()
}

#[test]
fn a_rate_admits_a_burst_and_then_one_by_one() {
    let pace = Pace::of(Rate { count: 10, per: minutes(10) });
    let now = 1_000 * MINUTE;
    let at_once = let_through(pace, std::iter::repeat_n(now, 100));
    assert_eq!(at_once.len(), 10);

    let full = now + pace.window();
    assert_eq!(pace.wait(full, now), Some(minutes(1)));
    assert_eq!(pace.wait(full, now + MINUTE - 1), Some(Duration::from_millis(1)));
    assert_eq!(pace.wait(full, now + MINUTE), None);
}

#[test]
fn a_limit_of_a_day_holds_for_every_day_however_it_is_cut() {
    for count in [2, 5, 50, 99, 100] {
        let pace = Pace::at_most(count, DAY);
        let start = 1_000_000 * MINUTE;
        let through = let_through(pace, (0..4 * 24 * 60).map(|minute| start + minute * MINUTE));
        let day = i64::try_from(DAY.as_millis()).unwrap();
        for from in &through {
            let within = through.iter().filter(|at| (*from..from + day).contains(*at)).count();
            assert!(within <= usize::try_from(count).unwrap(), "{within} in a day, not {count}");
        }
        assert!(through.len() >= usize::try_from(count).unwrap(), "only {}", through.len());
    }
}

#[test]
fn a_step_is_rounded_so_that_nothing_more_gets_through() {
    let pace = Pace::of(Rate { count: 7, per: Duration::from_secs(1) });
    assert_eq!((pace.step(), pace.window()), (143, 7 * 143));
    let fast = Pace::of(Rate { count: 1_000_000, per: Duration::from_secs(1) });
    assert_eq!(fast.step(), 1);
    let slow = Pace::of(Rate { count: 1_000_000, per: DAY * 400 });
    assert_eq!(slow.step(), 34_560);
}

#[test]
fn a_counter_of_a_time_when_the_clock_was_wrong_is_idle() {
    let pace = Pace::of(Rate { count: 10, per: minutes(10) });
    let now = 1_000 * MINUTE;
    // A clock that was set back a little still counts what was counted before.
    assert_eq!(pace.wait(now + 15 * MINUTE, now), Some(minutes(6)));
    assert_eq!(pace.wait(now + 20 * MINUTE, now), Some(minutes(11)));
    assert_eq!(pace.wait(now + 20 * MINUTE + 1, now), None);
    assert_eq!(pace.wait(i64::MAX, now), None);
}

#[test]
fn thr_4_a_network_is_an_ipv4_address_or_an_ipv6_64() {
    assert_eq!(network("192.0.2.1").to_string(), "192.0.2.1");
    assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    assert_eq!(network("2001:db8:1:2:3:4:5:6").to_string(), "2001:db8:1:2::/64");
    assert_eq!(network("2001:db8:1:2:3::"), network("2001:db8:1:2:ffff::1"));
    assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
    assert_eq!(network("2001:db8:1:2::1").site(), network("2001:db8:1:ffff::").site());
    assert_eq!(network("192.0.2.1").site(), None);
}

fn limits(from: &str, is_known: bool) -> Vec<(Limit, Counter)> {
    let ada = AccountKey::of_address("ada@example.org");
    ThrottleOptions::default().of_password(&ada, Some(network(from)), is_known)
}

fn named(limits: &[(Limit, Counter)]) -> Vec<Limit> {
    limits.iter().map(|(limit, _)| *limit).collect()
}

#[test]
fn a_password_moves_the_counters_of_its_account_and_of_its_network() {
    use Limit::{AccountFromNetwork, AccountFromNetworkInADay, AccountInADay, Network, Site};
    let own = [AccountFromNetwork, AccountFromNetworkInADay];
    assert_eq!(
        named(&limits("192.0.2.1", false)),
        [&[Network], &own[..], &[AccountInADay]].concat()
    );
    assert_eq!(
        named(&limits("2001:db8::1", false)),
        [&[Network, Site], &own[..], &[AccountInADay]].concat()
    );
    assert_eq!(named(&limits("192.0.2.1", true)), [&[Network], &own[..]].concat());

    let options = ThrottleOptions::default();
    let ada = AccountKey::of_address("ada@example.org");
    let nowhere = named(&options.of_password(&ada, None, false));
    assert_eq!(nowhere, [&own[..], &[AccountInADay]].concat());
    let nobody = AccountKey::anonymous();
    let nobody = named(&options.of_password(&nobody, Some(network("192.0.2.1")), false));
    assert_eq!(nobody, [&[Network], &own[..]].concat(), "what is no address is shared by all");
    assert!(ThrottleOptions::off().of_password(&ada, None, false).is_empty());
}

#[test]
fn a_setting_that_is_off_takes_its_counters_away_and_no_others() {
    let ada = AccountKey::of_address("ada@example.org");
    let from = Some(network("2001:db8::1"));
    let defaults = ThrottleOptions::default();
    let without = ThrottleOptions { account: None, ..defaults };
    assert_eq!(named(&without.of_password(&ada, from, false)), [Limit::Network, Limit::Site]);
    let without = ThrottleOptions { network: None, ..defaults };
    assert_eq!(without.of_password(&ada, from, false).len(), 3);
    assert_eq!(without.of_sign_up(from).len(), 2);
    assert!(ThrottleOptions { signup: None, ..defaults }.of_sign_up(from).is_empty());
    assert!(defaults.of_sign_up(None).is_empty());
}

#[test]
fn counters_of_different_things_have_different_names() {
    let mut keys = Vec::new();
    for from in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1"] {
        keys.extend(limits(from, false).into_iter().map(|(_, counter)| counter.key));
        let sign_ups = ThrottleOptions::default().of_sign_up(Some(network(from)));
        keys.extend(sign_ups.into_iter().map(|(_, counter)| counter.key));
    }
    keys.sort();
    let all = keys.len();
    keys.dedup();
    // The account itself is in all four; one /48 holds both networks of IPv6.
    assert_eq!(all - keys.len(), 3 + 2);
    assert!(keys.iter().all(|key| key.scope().len() <= 64), "{keys:?}");
}

#[test]
fn a_flood_is_in_the_log_once_a_minute_and_takes_bounded_memory() {
    let reports = Reports::default();
    let key = |n: u32| CounterKey::of_account(&AccountKey::anonymous(), n.to_string());
    let at = |seconds: i64| from_unix_milliseconds(1_800_000_000_000 + seconds * 1000);
    assert!(reports.is_due(&key(0), at(0)));
    assert!(!reports.is_due(&key(0), at(59)));
    assert!(reports.is_due(&key(0), at(60)));

    let told = (1..100_000).filter(|n| reports.is_due(&key(*n), at(61))).count();
    assert_eq!(told, 999, "a thousand at most, with the one before");
    assert!(!reports.is_due(&key(5), at(120)), "once a minute");
    assert!(reports.is_due(&key(5), at(121)), "it never speaks again");
    assert!(reports.is_due(&key(5), at(-1)), "a clock that was set back silences it");
}

#[test]
fn each_limit_has_a_code_and_a_success_clears_only_the_limits_of_that_network() {
    use Limit::{
        AccountFromNetwork, AccountFromNetworkInADay, AccountInADay, Network, SignUps, Site,
    };
    let limits =
        [AccountFromNetwork, AccountFromNetworkInADay, AccountInADay, Network, Site, SignUps];
    let words = [
        "account_from_network",
        "account_from_network_in_a_day",
        "account_in_a_day",
        "network",
        "site",
        "signups",
    ];
    assert_eq!(limits.map(Limit::as_str), words);
    let cleared = limits.map(Limit::is_cleared_by_success);
    assert_eq!(cleared, [true, true, false, false, false, false]);
}

#[test]
fn the_key_of_an_address_is_its_digest_and_that_of_its_counters() {
    let [ada, bob] = ["ada@example.org", "bob@example.org"].map(AccountKey::of_address);
    assert_ne!(ada.as_bytes(), bob.as_bytes());
    let counter = CounterKey::of_account(&ada, "short 192.0.2.1");
    assert_eq!((counter.subject(), counter.scope()), (ada.as_bytes(), "short 192.0.2.1"));
    let text = String::from_utf8_lossy(ada.as_bytes()).into_owned();
    assert!(!text.contains("ada"), "{text}");
}

#[test]
fn a_day_is_shared_out_half_at_once_and_half_over_its_hours() {
    let pace = Pace::at_most(50, DAY);
    let day = i64::try_from(DAY.as_millis()).unwrap();
    assert_eq!((pace.step(), pace.window()), (day / 25, day));
    let pace = Pace::at_most(9, DAY);
    assert_eq!((pace.step(), pace.window()), (day / 4, day / 4 * 5));
    let endless = Pace::of(Rate { count: 1, per: Duration::MAX });
    assert_eq!(endless.step(), i64::MAX / 4);
    assert_eq!(pace.wait(day / 4 * 4, 0), None, "there is room for exactly one more");
    assert_eq!(pace.wait(day / 4 * 4 + 1, 0), Some(Duration::from_millis(1)));
}

#[test]
fn a_refusal_stands_unless_something_is_given_back_that_it_was_for() {
    let in_flight = InFlight::default();
    let moved = limits("192.0.2.1", false);
    let key = &moved[0].1.key;
    let before = in_flight.released();
    assert!(matches!(in_flight.retry(key, before), Retry::Never));
    in_flight.enter(&moved);
    assert!(matches!(in_flight.retry(key, before), Retry::After(_)));
    in_flight.leave(&moved, false);
    assert!(matches!(in_flight.retry(key, before), Retry::Never));
    for _ in 0..3 {
        let before = in_flight.released();
        in_flight.enter(&moved);
        in_flight.leave(&moved, true);
        assert!(matches!(in_flight.retry(key, before), Retry::Now), "it looked too early");
        assert!(matches!(in_flight.retry(key, in_flight.released()), Retry::Never));
    }
}
