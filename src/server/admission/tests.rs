use std::net::IpAddr;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::{Admission, ConnectionSlot, REPORT_INTERVAL};
use crate::network::TrustedProxies;
use crate::server::options::ServeOptions;

fn admission(total: usize, per_network: usize) -> Arc<Admission> {
    Arc::new(Admission::new(ServeOptions {
        max_connections: total,
        max_connections_per_network: per_network,
        trusted_proxies: TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]),
        ..ServeOptions::default()
    }))
}

fn idle(admission: &Arc<Admission>, address: &str) -> Option<ConnectionSlot> {
    admission.admit(address.parse::<IpAddr>().unwrap())
}

fn busy(admission: &Arc<Admission>, address: &str) -> Option<ConnectionSlot> {
    idle(admission, address).inspect(ConnectionSlot::request_started)
}

fn is_evicted(slot: &ConnectionSlot) -> bool {
    slot.evicted().now_or_never().is_some()
}

#[test]
fn a_network_has_no_more_connections_than_its_limit() {
    let admission = admission(100, 2);
    let first = busy(&admission, "2001:db8::1").unwrap();
    let _second = busy(&admission, "2001:db8::ffff:2").unwrap();
    assert!(busy(&admission, "2001:db8::3").is_none(), "of the same /64");
    assert!(busy(&admission, "2001:db8:0:1::3").is_some(), "of another");
    drop(first);
    let _third = busy(&admission, "2001:db8::3").unwrap();
    assert!(busy(&admission, "2001:db8::4").is_none());

    let _one = busy(&admission, "192.0.2.1").unwrap();
    let _two = busy(&admission, "::ffff:192.0.2.1").unwrap();
    assert!(busy(&admission, "192.0.2.1").is_none(), "the same address in two forms");
}

#[test]
fn the_total_has_no_more_connections_than_its_limit() {
    let admission = admission(3, 2);
    let slots: Vec<_> =
        (1..=3).map(|n| busy(&admission, &format!("192.0.2.{n}")).unwrap()).collect();
    assert!(busy(&admission, "192.0.2.9").is_none());
    assert!(busy(&admission, "10.0.0.1").is_none(), "a proxy counts in the total");
    drop(slots);
    assert!(busy(&admission, "192.0.2.9").is_some());
}

#[test]
fn a_trusted_proxy_has_no_network_limit() {
    let admission = admission(10, 1);
    let slots: Vec<_> = (0..10).map(|_| busy(&admission, "10.1.2.3").unwrap()).collect();
    assert!(slots.iter().all(ConnectionSlot::is_proxy));
}

#[test]
fn the_longest_idle_connection_is_evicted_and_a_busy_one_never() {
    let admission = admission(4, 4);
    let served = idle(&admission, "192.0.2.1").unwrap();
    let silent = idle(&admission, "192.0.2.2").unwrap();
    let proxy = idle(&admission, "10.0.0.1").unwrap();
    let working = busy(&admission, "192.0.2.3").unwrap();
    served.request_started();
    served.request_finished(Instant::now());

    let _a = busy(&admission, "192.0.2.4").unwrap();
    assert!(is_evicted(&silent) && !is_evicted(&served) && !is_evicted(&proxy));
    let _b = busy(&admission, "192.0.2.5").unwrap();
    assert!(is_evicted(&served) && !is_evicted(&proxy), "those of proxies go last");
    let _c = busy(&admission, "192.0.2.6").unwrap();
    assert!(is_evicted(&proxy));
    assert!(busy(&admission, "192.0.2.7").is_none());
    assert!(!is_evicted(&working), "a connection with a request was closed");

    working.request_finished(Instant::now());
    assert!(busy(&admission, "192.0.2.7").is_some());
    assert!(is_evicted(&working));
}

#[test]
fn connections_are_evicted_in_the_order_in_which_their_last_requests_ended() {
    let admission = admission(3, 3);
    let slots: Vec<_> =
        (1..=3).map(|n| busy(&admission, &format!("192.0.2.{n}")).unwrap()).collect();
    assert!(busy(&admission, "192.0.2.9").is_none(), "none is idle");
    for slot in [&slots[1], &slots[2], &slots[0]] {
        slot.request_finished(Instant::now());
    }
    slots[1].request_started();
    slots[1].request_finished(Instant::now());
    for longest_idle in [&slots[2], &slots[0], &slots[1]] {
        assert!(!is_evicted(longest_idle));
        assert!(admission.evict_one());
        assert!(is_evicted(longest_idle));
    }
    assert!(!admission.evict_one());
}

#[test]
fn a_connection_is_idle_only_after_its_last_parallel_request() {
    let admission = admission(1, 1);
    let http2 = busy(&admission, "192.0.2.1").unwrap();
    http2.request_started();
    http2.request_finished(Instant::now());
    assert!(!admission.evict_one(), "one request is still running");
    http2.request_finished(Instant::now());
    assert!(admission.evict_one());
}

#[test]
fn a_network_at_its_limit_evicts_one_of_that_network() {
    let admission = admission(100, 2);
    let elder = idle(&admission, "192.0.2.2").unwrap();
    let own = idle(&admission, "192.0.2.1").unwrap();
    let _busy = busy(&admission, "192.0.2.1").unwrap();

    let _new = busy(&admission, "192.0.2.1").unwrap();

    assert!(is_evicted(&own) && !is_evicted(&elder));
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_logged_once_a_minute() {
    let admission = admission(1, 1);
    let _busy = busy(&admission, "192.0.2.1").unwrap();
    for _ in 0..5 {
        assert!(idle(&admission, "192.0.2.1").is_none());
    }
    assert_eq!(admission.lock().report.rejected, 4, "the first was logged");
    tokio::time::advance(REPORT_INTERVAL).await;
    assert!(idle(&admission, "192.0.2.1").is_none());
    assert_eq!(admission.lock().report.rejected, 0, "all were logged");
}

#[test]
fn nothing_is_kept_of_closed_connections() {
    let admission = admission(2, 2);
    for round in 0..100_u8 {
        let slot = idle(&admission, &format!("192.0.2.{round}")).unwrap();
        if round % 2 == 0 {
            slot.request_started();
            slot.request_started();
            slot.request_finished(Instant::now());
            slot.request_finished(Instant::now());
        }
        // Some are evicted first, and dropped then.
        if round % 3 == 0 {
            admission.evict_one();
        }
        drop(slot);
    }
    let connections = admission.lock();
    assert!(connections.networks.is_empty() && connections.total == 0);
}
