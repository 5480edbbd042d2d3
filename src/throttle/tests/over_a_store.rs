//! Attempts over the file that keeps their counts.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use time::macros::datetime;

use super::{DAY, minutes, network};
use crate::clock::{Clock, ManualClock};
use crate::store::{SessionLocation, SqlDatabase};
use crate::throttle::{
    AccountKey, Attempt, AttemptError, NetworkThrottle, Rate, Throttle, ThrottleOptions,
};

const HERE: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.1";

struct Stage {
    throttle: Throttle,
    clock: ManualClock,
    _folder: TempDir,
}

/// Three passwords for an account from a network, a hundred from a network, two sign-ups.
async fn stage() -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anteroom.db");
    let store = SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap();
    let clock = ManualClock::at(datetime!(2030-01-01 00:00 UTC));
    let rate = |count| Some(Rate { count, per: minutes(10) });
    let options = ThrottleOptions { account: rate(3), network: rate(100), signup: rate(2) };
    let throttle = Throttle::new(Arc::new(store), options, Clock::from(&clock));
    Stage { throttle, clock, _folder: folder }
}

impl Stage {
    async fn password(&self, from: &str) -> Result<Attempt, AttemptError> {
        let ada = AccountKey::of_address("ada@example.org");
        self.throttle.password(ada, Some(network(from)), ()).await
    }

    /// Wrong passwords until one is not let through, at most ten.
    async fn wrong(&self, from: &str) -> usize {
        for wrong in 0..10 {
            match self.password(from).await {
                Ok(attempt) => attempt.keep_counted(),
                Err(AttemptError::Throttled(_)) => return wrong,
                Err(other) => panic!("{other}"),
            }
        }
        10
    }

    async fn wait(&self, from: &str) -> Duration {
        match self.password(from).await {
            Err(AttemptError::Throttled(throttled)) => throttled.wait,
            other => panic!("{other:?}"),
        }
    }
}

/// A dropped reservation is released in a separate task.
async fn settled() {
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn wrong_passwords_stand_until_their_time_has_passed() {
    let stage = stage().await;
    assert_eq!(stage.wrong(HERE).await, 3);
    assert_eq!(stage.wait(HERE).await, Duration::from_secs(200));
    stage.clock.advance(Duration::from_secs(199));
    assert_eq!(stage.wait(HERE).await, Duration::from_secs(1));
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(stage.wrong(HERE).await, 1);
}

#[tokio::test]
async fn a_right_password_takes_the_wrong_ones_of_its_network_along() {
    let stage = stage().await;
    for _ in 0..20 {
        stage.password(HERE).await.unwrap().keep_counted();
        stage.password(HERE).await.unwrap().keep_counted();
        stage.password(HERE).await.unwrap().succeeded().await;
    }
    assert_eq!(stage.wrong(HERE).await, 3);
    let right = stage.password(ELSEWHERE).await.unwrap();
    right.succeeded().await;
    assert_eq!(stage.wrong(HERE).await, 0, "a success elsewhere gives nothing to this network");
}

#[tokio::test]
async fn from_a_network_that_is_known_strangers_keep_nobody_out() {
    let stage = stage().await;
    stage.password(HERE).await.unwrap().succeeded().await;
    // Thirty in a day from everywhere together, half of them at once.
    let mut wrong = 0;
    for n in 1..=20 {
        wrong += stage.wrong(&format!("203.0.113.{n}")).await;
    }
    assert_eq!(wrong, 15);
    assert_eq!(stage.wrong(ELSEWHERE).await, 0);
    assert_eq!(stage.wrong(HERE).await, 3, "the owner is kept out");

    stage.clock.advance(DAY * 31);
    let mut wrong = 0;
    for n in 1..=20 {
        wrong += stage.wrong(&format!("203.0.113.{n}")).await;
    }
    assert_eq!((wrong, stage.wrong(HERE).await), (15, 0), "known for ever");
}

#[tokio::test]
async fn what_taught_nothing_is_given_back_and_only_once() {
    let stage = stage().await;
    for _ in 0..10 {
        drop(stage.password(HERE).await.unwrap());
        settled().await;
    }
    assert_eq!(stage.wrong(HERE).await, 3);
    settled().await;
    assert_eq!(stage.wrong(HERE).await, 0, "what stands was given back");
}

#[tokio::test]
async fn nothing_is_given_back_of_what_has_passed_by_itself() {
    let stage = stage().await;
    let slow = stage.password(HERE).await.unwrap();
    stage.clock.advance(Duration::from_secs(200));
    for _ in 0..3 {
        stage.password(HERE).await.unwrap().keep_counted();
    }
    drop(slow);
    settled().await;
    assert_eq!(stage.wrong(HERE).await, 0, "it gave back what others were counted for");
}

#[tokio::test]
async fn a_step_that_is_almost_over_is_given_back() {
    let stage = stage().await;
    let slow = stage.password(HERE).await.unwrap();
    stage.clock.advance(Duration::from_secs(199));
    for _ in 0..2 {
        stage.password(HERE).await.unwrap().keep_counted();
    }
    drop(slow);
    settled().await;
    assert_eq!(stage.wrong(HERE).await, 1);
}

#[tokio::test]
async fn an_attempt_refused_by_pending_attempts_waits_for_their_verdict() {
    let stage = Arc::new(stage().await);
    let mut under_way = Vec::new();
    for _ in 0..3 {
        under_way.push(stage.password(HERE).await.unwrap());
    }
    let waiting = || {
        let stage = stage.clone();
        tokio::spawn(async move { stage.password(HERE).await.map(Attempt::keep_counted) })
    };
    let fourth = waiting();
    settled().await;
    assert!(!fourth.is_finished(), "it did not wait");
    drop(under_way.pop());
    fourth.await.unwrap().unwrap();

    let fifth = waiting();
    settled().await;
    under_way.pop().unwrap().keep_counted();
    settled().await;
    assert!(!fifth.is_finished(), "one may still be right");
    under_way.pop().unwrap().keep_counted();
    assert!(matches!(fifth.await.unwrap(), Err(AttemptError::Throttled(_))));
    assert_eq!(stage.wait(HERE).await, Duration::from_secs(200), "it waits for nobody");
}

#[tokio::test]
async fn an_attempt_that_waits_too_long_for_a_verdict_is_refused() {
    let stage = stage().await;
    let mut under_way = Vec::new();
    for _ in 0..3 {
        under_way.push(stage.password(HERE).await.unwrap());
    }
    assert!(matches!(stage.password(HERE).await, Err(AttemptError::Busy)));
    drop(under_way);
    settled().await;
    assert_eq!(stage.wrong(HERE).await, 3);
}

#[tokio::test]
async fn sign_ups_are_counted_apart_and_an_ipv6_48_counts_for_ten_networks() {
    let stage = stage().await;
    let sign_up = async |from: String| {
        let attempt = stage.throttle.sign_up(Some(network(&from)), ()).await;
        attempt.map(Attempt::keep_counted).is_ok()
    };
    assert!(sign_up(HERE.to_owned()).await && sign_up(HERE.to_owned()).await);
    assert!(!sign_up(HERE.to_owned()).await);
    assert_eq!(stage.wrong(HERE).await, 3);
    let mut through = 0;
    for n in 0..40 {
        through += usize::from(sign_up(format!("2001:db8:1:{n}::1")).await);
    }
    assert_eq!(through, 20);
}

#[tokio::test]
async fn what_is_under_way_is_named_and_says_nothing() {
    let stage = stage().await;
    let attempt = stage.password(HERE).await.unwrap();
    assert_eq!(format!("{attempt:?}"), "Attempt");
    let throttle = format!("{:?}", stage.throttle);
    assert!(throttle.contains("signup") && !throttle.contains("ada"), "{throttle}");
}

#[test]
fn a_network_may_so_often_a_minute_and_a_quiet_one_is_forgotten() {
    let clock = ManualClock::at(datetime!(2030-01-01 00:00 UTC));
    let times = NonZeroU32::new(3).unwrap();
    let throttle = NetworkThrottle::per_minute(times, Clock::from(&clock));
    let here = network(HERE);
    for _ in 0..3 {
        throttle.count(&here).unwrap();
    }
    let wait = throttle.count(&here).unwrap_err();
    assert!((19_900..=20_000).contains(&wait.as_millis()), "{wait:?}");
    assert!(throttle.count(&network(ELSEWHERE)).is_ok());
    clock.advance(Duration::from_secs(20));
    assert!(throttle.count(&here).is_ok());
    assert!(throttle.count(&here).is_err());

    throttle.sweep();
    assert_eq!(throttle.counted(), 2, "it forgets who was here just now");
    clock.advance(minutes(2));
    throttle.sweep();
    assert_eq!(throttle.counted(), 0);

    // A clock that was set back keeps nobody out for longer.
    for _ in 0..3 {
        throttle.count(&here).unwrap();
    }
    clock.set(datetime!(2029-01-01 00:00 UTC));
    assert!(throttle.count(&here).is_err());
    clock.advance(Duration::from_secs(20));
    assert!(throttle.count(&here).is_ok());
}

#[tokio::test]
async fn a_sweep_says_when_nothing_is_left_and_takes_only_what_has_passed() {
    let stage = stage().await;
    stage.password(HERE).await.unwrap().keep_counted();
    stage.password(ELSEWHERE).await.unwrap().keep_counted();
    assert!(stage.throttle.sweep(1).await.unwrap());
    stage.clock.advance(DAY);
    assert!(!stage.throttle.sweep(1).await.unwrap());
    while !stage.throttle.sweep(1).await.unwrap() {}
    assert_eq!(stage.wrong(HERE).await, 3);
    assert!(stage.throttle.sweep(1).await.unwrap(), "what counts was swept");
    assert_eq!(stage.wrong(HERE).await, 0);
}
