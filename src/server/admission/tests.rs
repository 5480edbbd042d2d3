use std::net::IpAddr;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::{Admission, Place};
use crate::network::TrustedProxies;
use crate::server::options::{ServeOptions, Times};

fn admission(most: usize, most_per_network: usize) -> Arc<Admission> {
    admission_with(most, most_per_network, Duration::ZERO)
}

fn admission_with(most: usize, most_per_network: usize, arriving: Duration) -> Arc<Admission> {
    Arc::new(Admission::new(ServeOptions {
        max_connections: most,
        max_connections_per_network: most_per_network,
        trusted_proxies: TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]),
        times: Times { arriving, ..Times::default() },
    }))
}

fn from(admission: &Arc<Admission>, address: &str) -> Option<Place> {
    admission.admit(address.parse::<IpAddr>().unwrap())
}

fn busy(admission: &Arc<Admission>, address: &str) -> Option<Place> {
    from(admission, address).inspect(Place::began)
}

fn is_evicted(place: &Place) -> bool {
    place.evicted().now_or_never().is_some()
}

#[test]
fn a_network_has_so_many_places_and_no_more() {
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
fn all_together_have_so_many_places_and_no_more() {
    let admission = admission(3, 2);
    let places: Vec<_> =
        (1..=3).map(|n| busy(&admission, &format!("192.0.2.{n}")).unwrap()).collect();
    assert!(busy(&admission, "192.0.2.9").is_none());
    assert!(busy(&admission, "10.0.0.1").is_none(), "a proxy counts among all");
    drop(places);
    assert!(busy(&admission, "192.0.2.9").is_some());
}

#[test]
fn a_trusted_proxy_has_no_cap_of_its_own() {
    let admission = admission(10, 1);
    let places: Vec<_> = (0..10).map(|_| busy(&admission, "10.1.2.3").unwrap()).collect();
    assert!(places.iter().all(Place::is_proxy));
}

#[test]
fn the_idle_make_room_in_their_order() {
    let admission = admission(4, 4);
    let proxy = from(&admission, "10.0.0.1").unwrap();
    let served = from(&admission, "192.0.2.1").unwrap();
    served.began();
    served.ended(Instant::now());
    let silent = from(&admission, "192.0.2.2").unwrap();
    let working = busy(&admission, "192.0.2.3").unwrap();

    let _a = busy(&admission, "192.0.2.4").unwrap();
    assert!(is_evicted(&silent) && !is_evicted(&served));
    let _b = busy(&admission, "192.0.2.5").unwrap();
    assert!(is_evicted(&served) && !is_evicted(&proxy));
    let _c = busy(&admission, "192.0.2.6").unwrap();
    assert!(is_evicted(&proxy));
    assert!(busy(&admission, "192.0.2.7").is_none());
    assert!(!is_evicted(&working), "a request under way was given up");

    working.ended(Instant::now());
    assert!(busy(&admission, "192.0.2.7").is_some());
    assert!(is_evicted(&working));
}

#[test]
fn whoever_was_busy_since_it_was_put_in_order_has_its_turn_by_when_it_ended() {
    let admission = admission(3, 3);
    let places: Vec<_> =
        (1..=3).map(|n| busy(&admission, &format!("192.0.2.{n}")).unwrap()).collect();
    // Found busy, so no longer among the idle.
    assert!(busy(&admission, "192.0.2.9").is_none());
    for place in [&places[1], &places[2], &places[0]] {
        place.ended(Instant::now());
    }
    // Busy once more, and nobody was told.
    places[1].began();
    places[1].ended(Instant::now());
    for longest_idle in [&places[2], &places[0], &places[1]] {
        assert!(!is_evicted(longest_idle));
        assert!(admission.make_room());
        assert!(is_evicted(longest_idle));
    }
    assert!(!admission.make_room());
}

#[test]
fn whoever_ends_just_as_it_is_found_busy_is_lost_to_nobody() {
    const ROUNDS: usize = 30_000;
    let admission = admission(10, 10);
    let place = from(&admission, "192.0.2.1").unwrap();
    let barrier = Barrier::new(2);
    let mut lost = 0;
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..ROUNDS {
                barrier.wait();
                let mut held = admission.lock();
                let order = held.first_to_go(None, Duration::ZERO).unwrap();
                held.is_in_order(order);
                drop(held);
                barrier.wait();
            }
        });
        for round in 0..ROUNDS {
            place.began();
            barrier.wait();
            // At another moment each time.
            (0..round % 64).for_each(|_| std::hint::spin_loop());
            place.ended(Instant::now());
            barrier.wait();
            let mut held = admission.lock();
            if held.idle.is_empty() {
                lost += 1;
                held.file(place.id);
            }
        }
    });
    assert_eq!(lost, 0, "idle, and nobody knew");
}

#[test]
fn whoever_has_only_just_come_stays_while_another_is_idle() {
    let admission = admission_with(4, 4, Duration::from_hours(1));
    let proxy = from(&admission, "10.0.0.1").unwrap();
    let arriving = from(&admission, "192.0.2.1").unwrap();
    let served = from(&admission, "192.0.2.2").unwrap();
    served.began();
    served.ended(Instant::now());
    let _working = busy(&admission, "192.0.2.3").unwrap();

    let _a = busy(&admission, "192.0.2.4").unwrap();
    assert!(is_evicted(&served) && !is_evicted(&arriving));
    let _b = busy(&admission, "192.0.2.5").unwrap();
    assert!(is_evicted(&arriving) && !is_evicted(&proxy));
}

#[test]
fn a_network_at_its_cap_makes_room_among_its_own() {
    let admission = admission(100, 2);
    let elder = from(&admission, "192.0.2.2").unwrap();
    let idle = from(&admission, "192.0.2.1").unwrap();
    let _busy = busy(&admission, "192.0.2.1").unwrap();

    let _new = busy(&admission, "192.0.2.1").unwrap();

    assert!(is_evicted(&idle) && !is_evicted(&elder));
}

#[test]
fn nothing_is_kept_of_those_who_left() {
    let admission = admission(2, 2);
    for round in 0..100_u8 {
        let place = from(&admission, &format!("192.0.2.{round}")).unwrap();
        if round % 2 == 0 {
            place.began();
            place.began();
            place.ended(Instant::now());
            place.ended(Instant::now());
        }
        // Some leave by themselves, some are pushed out and leave then.
        if round % 3 == 0 {
            admission.make_room();
        }
        drop(place);
    }
    let held = admission.lock();
    assert!(held.places.is_empty() && held.neighbours.is_empty() && held.idle.is_empty());
}
