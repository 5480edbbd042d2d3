//! How long a session that is ended at one server is still accepted at two others, which are asked
//! without a pause.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Answer, Connection, ask, request};
use crate::databases::Databases;
use crate::figures::{Spread, below, print_table, sorted};
use crate::goals::Goal;
use crate::nodes;
use crate::plots::{self, Histogram};
use crate::servers::{Server, credentials};

/// How many connections ask each of the other nodes.
const ASKING: usize = 2;
/// For how long they ask before the revoke, and after its answer.
const BEFORE: Duration = Duration::from_millis(60);
const AFTER: Duration = Duration::from_millis(150);

/// The result of one revoke, in milliseconds.
struct Revoke {
    /// From the request to the answer.
    took: f64,
    /// From the answer to the beginning of the last check that was accepted.
    last_accepted: f64,
}

struct Revokes {
    store: &'static str,
    all: Vec<Revoke>,
}

fn measure(count: u32) -> Vec<Revokes> {
    [("Redis", true), ("PostgreSQL", false)]
        .into_iter()
        .map(|(store, in_redis)| {
            eprintln!("revoke: {count} times with sessions in {store}");
            let databases = Databases::start();
            let nodes = nodes::three("three nodes", &databases, in_redis, "on");
            let all = (0..count).map(|_| revoke(&nodes)).collect();
            Revokes { store, all }
        })
        .collect()
}

/// Signs in at the first node, has the others checked all the time, and signs out at the first.
fn revoke(nodes: &[Server]) -> Revoke {
    let first = nodes[0].address;
    let entered = ask(first, "POST /api/session", &[], &credentials("ada@example.org"));
    assert_eq!(entered.status, 200, "{}", String::from_utf8_lossy(&entered.body));
    let cookie = Answer::cookie(&entered);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking: Vec<_> = nodes[1..]
            .iter()
            .flat_map(|node| [node; ASKING])
            .map(|node| scope.spawn(|| last_accepted(node, &cookie, &over)))
            .collect();
        thread::sleep(BEFORE);
        let out = request(first, "DELETE /api/session", &[("Cookie", &cookie)], "");
        let mut connection = Connection::open(first);
        let asked = Instant::now();
        assert_eq!(connection.send(&out).status, 204);
        let answered = Instant::now();
        thread::sleep(AFTER);
        over.store(true, Ordering::Relaxed);
        let last = asking.into_iter().map(|thread| thread.join().unwrap()).max().unwrap();
        let milliseconds = |from: Instant, to: Instant| {
            let later = to.saturating_duration_since(from).as_secs_f64() * 1000.0;
            later - from.saturating_duration_since(to).as_secs_f64() * 1000.0
        };
        Revoke { took: milliseconds(asked, answered), last_accepted: milliseconds(answered, last) }
    })
}

/// When the last check began that was accepted.
fn last_accepted(node: &Server, cookie: &str, over: &AtomicBool) -> Instant {
    let check = request(node.address, "GET /auth/verify", &[("Cookie", cookie)], "");
    let mut connection = Connection::open(node.address);
    let mut last = None;
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        match connection.send(&check).status {
            200 => last = Some(begun),
            401 => {}
            status => panic!("a check was answered with {status}"),
        }
    }
    last.unwrap()
}

pub fn run(count: u32) -> Vec<Goal> {
    let stores = measure(count);
    let rows = stores.iter().map(|of| {
        let told = |figure: fn(&Revoke) -> f64| {
            let sorted = sorted(of.all.iter().map(figure));
            format!(
                "{:.1} / {:.1} / {:.1} / {:.1}",
                below(&sorted, 0),
                below(&sorted, 500),
                below(&sorted, 990),
                below(&sorted, 1000)
            )
        };
        let late = of.all.iter().filter(|revoke| revoke.last_accepted >= 0.0).count();
        vec![
            of.store.to_owned(),
            told(|revoke| revoke.took),
            told(|revoke| revoke.last_accepted),
            late.to_string(),
        ]
    });
    let what = format!(
        "{count} revokes each; milliseconds: the shortest, the median, what 99 of 100 stay below, \
         the longest:"
    );
    let head = [
        "sessions in",
        "the revoke took",
        "last accepted check, from the answer",
        "accepted after the answer",
    ];
    print_table("revoke", &what, &head, &rows.collect::<Vec<_>>());
    draw(&stores);
    stores
        .iter()
        .map(|of| {
            let last = Spread::of(of.all.iter().map(|revoke| revoke.last_accepted)).high;
            let what = format!("sessions in {}: last accepted check after the answer", of.store);
            Goal::at_most(what, 0.0, last, "ms")
        })
        .collect()
}

fn draw(stores: &[Revokes]) {
    let histogram = |of: &Revokes, what: &str, figure: fn(&Revoke) -> f64| Histogram {
        title: format!("{}: {what}; how many of {} revokes", of.store, of.all.len()),
        values: of.all.iter().map(figure).collect(),
    };
    let histograms = stores.iter().flat_map(|of| {
        [
            histogram(of, "last accepted check, ms from the answer", |one| one.last_accepted),
            histogram(of, "the revoke itself, ms from request to answer", |one| one.took),
        ]
    });
    let title = "A session that one server ends, at two others";
    plots::histograms("revoke", title, &histograms.collect::<Vec<_>>());
}
