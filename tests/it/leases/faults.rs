//! A server that remembers a session is cut off, slow, paused or has a slow clock, just as another
//! ends that session: once that is answered, it accepts it no more. And each rule of the leases
//! taken away, to see that it would.
//!
//! `LEASE_ROUNDS` sets how often each is tried; each try ends six sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};

use crate::harness::app::PASSWORD;
use crate::harness::browser::Browser;
use crate::harness::chance::{rounds, some_of};
use crate::harness::cut::Flow;
use crate::harness::ground::{Ground, Keeping, Ways, with_each_keeping};
use crate::harness::nodes::Nodes;
use crate::harness::server::Place;

with_each_keeping!(
    a_server_that_cannot_hear_of_an_end_accepts_nothing_after_its_answer,
    without_the_wait_it_would,
);

/// Each rule in turn, against real servers. The ordinary run shows the same in simulated time.
mod nightly {
    use super::{
        with_each_keeping, without_the_margin_a_slow_clock_would,
        without_the_order_of_changes_and_answers_it_would,
        without_the_wait_where_nothing_changed_a_second_revoke_is_answered_too_early,
    };

    with_each_keeping!(
        without_the_margin_a_slow_clock_would,
        without_the_wait_where_nothing_changed_a_second_revoke_is_answered_too_early,
        without_the_order_of_changes_and_answers_it_would,
    );
}

/// What befalls the server that remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Nothing,
    /// Nothing arrives, either way.
    Silent,
    /// What the stores say arrives late.
    Late(Duration),
    /// Its connections are cut, and there are no new ones.
    Cut,
    /// Its process stands still, and goes on.
    Paused,
}

const ALL: [Trouble; 5] = [
    Trouble::Nothing,
    Trouble::Silent,
    Trouble::Late(Duration::from_millis(60)),
    Trouble::Cut,
    Trouble::Paused,
];
const PUBLIC_URL: &str = "http://localhost:8080";
const EMAIL: &str = "ada@example.org";
/// Slow enough to need the margin, and no slower than it allows for.
const SLOW: &str = "0.805";

/// How somebody comes to be told that a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// Ends it.
    Ending,
    /// Wants to end it at a third server, just after another has begun to.
    EndingSecond,
    /// Leaves in the middle of ending it, and tries again.
    TryingAgain,
}

/// Those of one try: each ends another session.
const EACH_TWICE: [By; 6] =
    [By::Ending, By::EndingSecond, By::TryingAgain, By::Ending, By::EndingSecond, By::TryingAgain];

/// Two servers that end sessions, and between them one that remembers them.
struct Three {
    nodes: Nodes,
    ways: Vec<Ways>,
    ada: Browser,
    _ground: Ground,
}

/// One try.
#[derive(Debug)]
struct Try {
    /// Checks at the server that remembers.
    checks: usize,
    /// Those that were let in, though they began after the answer.
    too_late: usize,
    /// From the answer to the last check that was let in; before it, if negative.
    last: f64,
}

impl Three {
    async fn start(keeping: Keeping, without: &str, clock: &str) -> Option<Self> {
        let ground = Ground::fresh(keeping).await?;
        let ways: Vec<Ways> = (0..3).map(|_| ground.ways()).collect();
        let place = |number: usize, ways: &Ways| {
            let place = Place::new()
                .with("ANTEROOM_PUBLIC_URL", PUBLIC_URL)
                .without_throttles()
                .with("ANTEROOM_SESSION_LIMIT", "100")
                .with("ANTEROOM_LOG", "warn")
                .with("TEST_WITHOUT_RULE", without);
            let place = if number == 1 { place.with("TEST_CLOCK_PACE", clock) } else { place };
            ground.keeps_by(place, ways)
        };
        let places = ways.iter().enumerate().map(|(number, ways)| place(number, ways)).collect();
        let nodes = Nodes::at(places);
        let ada = Browser::of(nodes.addresses()[0], PUBLIC_URL);
        assert_eq!(ada.sign_up(EMAIL, PASSWORD).await.status, 201);
        Some(Self { nodes, ways, ada, _ground: ground })
    }

    /// A browser at one of the servers, that holds this one's cookie.
    fn at(&self, number: usize, other: &Browser) -> Browser {
        let browser = Browser::of(self.nodes.addresses()[number], PUBLIC_URL);
        browser.hold(&other.token());
        browser
    }

    /// Ends sessions that the second server remembers, as something befalls that one: before, or so
    /// long after the ends were asked for.
    async fn end(&mut self, trouble: Trouble, by: &[By], after: Option<Duration>) -> Try {
        let over = Arc::new(AtomicBool::new(false));
        let mut phones = Vec::new();
        for who in by {
            let phone = Browser::of(self.nodes.addresses()[0], PUBLIC_URL);
            assert_eq!(phone.try_to_sign_in(EMAIL, PASSWORD, false).await.status, 200);
            let path = format!("/api/sessions/{}", phone.session_id().await);
            let asking = || tokio::spawn(keep_asking(self.at(1, &phone), over.clone()));
            let checking = vec![asking()];
            phones.push((*who, path, checking));
        }
        // Long enough for them to be remembered.
        tokio::time::sleep(Duration::from_millis(150)).await;
        if after.is_none() {
            self.disturb(trouble);
        }
        let told =
            futures_util::future::join_all(phones.iter().map(|(by, path, _)| self.tell(*by, path)));
        let befalling = async {
            if let Some(after) = after {
                tokio::time::sleep(after).await;
                disturb_ways(&self.ways[1], trouble);
            }
        };
        let (told, ()) = tokio::join!(told, befalling);
        tokio::time::sleep(Duration::from_millis(250)).await;
        over.store(true, Ordering::Relaxed);
        self.mend(trouble);
        let mut tried = Try { checks: 0, too_late: 0, last: f64::NEG_INFINITY };
        for ((_, _, checking), told) in phones.into_iter().zip(told) {
            for one in checking {
                tried.add(&one.await.unwrap(), told);
            }
        }
        assert!(tried.last > f64::NEG_INFINITY, "nobody was ever let in");
        tried
    }

    /// When somebody was told that the session is over.
    async fn tell(&self, by: By, path: &str) -> Instant {
        let ending = self.at(if by == By::EndingSecond { 2 } else { 0 }, &self.ada);
        match by {
            By::Ending => {}
            By::EndingSecond => {
                let (first, path) = (self.ada.copy(), path.to_owned());
                tokio::spawn(async move { first.delete(&path).await });
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
            By::TryingAgain => {
                let soon = |request: RequestBuilder| request.timeout(Duration::from_millis(20));
                let lost = ending.try_to_ask(Method::DELETE, path, soon).await;
                assert!(lost.is_err(), "it was answered before it can have waited");
            }
        }
        let answer = ending.delete(path).await;
        let told = Instant::now();
        assert!([204, 404].contains(&answer.status), "{by:?}: {}", answer.text);
        told
    }

    fn disturb(&mut self, trouble: Trouble) {
        disturb_ways(&self.ways[1], trouble);
        if trouble == Trouble::Paused {
            let node = self.nodes.node(1);
            node.pause();
            std::thread::sleep(Duration::from_millis(5));
            // Goes on before what it missed is answered, and with its old lease, if it has one.
            let pid = node.server().pid();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(60));
                let _ =
                    std::process::Command::new("kill").args(["-CONT", &pid.to_string()]).status();
            });
        }
    }

    fn mend(&mut self, trouble: Trouble) {
        self.ways[1].each(crate::harness::cut::Cut::heal);
        if trouble == Trouble::Paused {
            self.nodes.node(1).resume();
        }
    }

    /// Until the second server answers again.
    async fn recover(&mut self) {
        let there = Browser::of(self.nodes.addresses()[1], PUBLIC_URL);
        for _ in 0..500 {
            let ready = there.try_to_ask(Method::GET, "/readyz", |request| request).await;
            if ready.is_ok_and(|answer| answer.status == 200) {
                // And has a lease again.
                return tokio::time::sleep(Duration::from_millis(600)).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it does not recover");
    }
}

impl Try {
    /// The checks of somebody whose session was over when it was told.
    fn add(&mut self, seen: &[(Instant, bool)], told: Instant) {
        self.checks += seen.len();
        for (begun, _) in seen.iter().filter(|(_, is_in)| *is_in) {
            self.too_late += usize::from(*begun > told);
            let after = begun.saturating_duration_since(told).as_secs_f64();
            let before = told.saturating_duration_since(*begun).as_secs_f64();
            self.last = self.last.max(after - before);
        }
    }
}

fn disturb_ways(ways: &Ways, trouble: Trouble) {
    match trouble {
        Trouble::Nothing | Trouble::Paused => {}
        Trouble::Silent => ways.each(crate::harness::cut::Cut::silence),
        Trouble::Late(time) => ways.each(|way| way.flow(Flow::Pass, Flow::Late(time))),
        Trouble::Cut => ways.each(|way| {
            way.refuse(true);
            way.cut_all();
        }),
    }
}

/// When each check began, and whether it was let in.
async fn keep_asking(browser: Browser, over: Arc<AtomicBool>) -> Vec<(Instant, bool)> {
    let mut seen = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let patience = |request: RequestBuilder| request.timeout(Duration::from_secs(2));
        let answer = browser.try_to_ask(Method::GET, "/auth/verify", patience).await;
        seen.push((begun, answer.is_ok_and(|answer| answer.status == 200)));
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    seen
}

async fn a_server_that_cannot_hear_of_an_end_accepts_nothing_after_its_answer(keeping: Keeping) {
    // Either pace of the clock is enough for an ordinary run; each place of sessions has another.
    let paces = if keeping == Keeping::Redis { [SLOW, "1"] } else { ["1", SLOW] };
    for &pace in some_of(&paces, 1) {
        let Some(mut three) = Three::start(keeping, "", pace).await else { return };
        for trouble in ALL {
            let mut last = Vec::new();
            for _ in 0..rounds("LEASE_ROUNDS", 1, 84) {
                let tried = three.end(trouble, &EACH_TWICE, None).await;
                assert_eq!(tried.too_late, 0, "{trouble:?}, at {pace}: {tried:?}");
                assert!(tried.checks > 20, "{trouble:?}: {tried:?}");
                last.push(tried.last);
                three.recover().await;
            }
            last.sort_by(f64::total_cmp);
            let (first, latest) = (last[0] * 1000.0, last[last.len() - 1] * 1000.0);
            eprintln!(
                "{keeping:?}, {trouble:?}, at {pace}: the last check let in began {first:.0} to \
                 {latest:.0} ms from the answer"
            );
        }
    }
}

/// Tries until something is let in that must not be.
async fn breaks(keeping: Keeping, without: &str, pace: &str, (trouble, by): (Trouble, By)) {
    // The busier the machine, the later the answer, and the seldomer it breaks.
    const TRIES: u64 = 240;
    let Some(mut three) = Three::start(keeping, without, pace).await else { return };
    for number in 0..TRIES {
        // At the latest just before the store has done it, or the server is told of it.
        let after = (trouble == Trouble::Silent && number % 2 == 1)
            .then(|| Duration::from_millis(number / 2 % 4));
        if three.end(trouble, &[by], after).await.too_late > 0 {
            return;
        }
        three.recover().await;
    }
    panic!("all is well without {without}");
}

async fn without_the_wait_it_would(keeping: Keeping) {
    breaks(keeping, "Wait", "1", (Trouble::Silent, By::Ending)).await;
}

async fn without_the_margin_a_slow_clock_would(keeping: Keeping) {
    breaks(keeping, "Margin", SLOW, (Trouble::Silent, By::Ending)).await;
}

async fn without_the_wait_where_nothing_changed_a_second_revoke_is_answered_too_early(
    keeping: Keeping,
) {
    breaks(keeping, "WaitWhereNothingChanged", "1", (Trouble::Silent, By::EndingSecond)).await;
}

async fn without_the_order_of_changes_and_answers_it_would(keeping: Keeping) {
    // Late enough to be on its way at a probe, and not so late that the lease has gaps.
    let late = Trouble::Late(Duration::from_millis(8));
    breaks(keeping, "ChangesBeforeAnswers", "1", (late, By::Ending)).await;
}
