//! Whether those who are signed in have to wait while two hundred others sign in, with real
//! Argon2id on the one core of the server.

use std::net::Ipv4Addr;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::client::{self, Connection};
use crate::figures::{Spread, below, print_table, sorted};
use crate::goals::Goal;
use crate::load::{OURS, Plan};
use crate::plots::{self, Bar, Panel};
use crate::servers::{self, Server, account, credentials};

/// So many requests per second, at fixed times whatever becomes of those before.
const RATE: u32 = 1000;
const CONNECTIONS: u32 = 16;
/// How many sign in at once, each from a network of their own.
const PEOPLE: u8 = 200;

/// Of a thousand answers, how many came within the time that is told.
const TOLD: [(usize, &str); 3] = [(500, "p50"), (990, "p99"), (999, "p99.9")];

/// The latencies of one kind of moment.
struct Moment {
    /// Of each answer, in milliseconds, in order.
    delays: Vec<f64>,
    signed_in: u32,
    turned_away: u32,
}

fn measure(plan: Plan) -> [Vec<Moment>; 2] {
    let server = servers::anteroom(OURS, &[("ANTEROOM_SESSIONS", "memory:")]);
    eprintln!("storm: {PEOPLE} people sign up");
    for person in 1..=PEOPLE {
        let body = account(&address_of(person));
        let request = client::request(server.address, "POST /api/signup", &[], &body);
        let answer = Connection::open_from(network_of(person), server.address).send(&request);
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    }
    let mut moments = [Vec::new(), Vec::new()];
    for round in 0..plan.rounds {
        eprintln!("storm: round {} of {}", round + 1, plan.rounds);
        for (people, moments) in [0, PEOPLE].into_iter().zip(&mut moments) {
            moments.push(moment(&server, people, Duration::from_secs(plan.seconds.into())));
        }
    }
    moments
}

fn network_of(person: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, person)
}

fn address_of(person: u8) -> String {
    format!("person{person}@example.org")
}

/// Asks all the while who is there, with so many people who sign in meanwhile.
fn moment(server: &Server, people: u8, time: Duration) -> Moment {
    thread::scope(|scope| {
        // Everybody is connected by then.
        let from = Instant::now() + Duration::from_millis(500);
        let until = from + time;
        let signing_in: Vec<ScopedJoinHandle<'_, (u32, u32)>> = (1..=people)
            .map(|person| scope.spawn(move || sign_in(server, person, from..until)))
            .collect();
        let asking: Vec<ScopedJoinHandle<'_, Vec<f64>>> = (0..CONNECTIONS)
            .map(|number| {
                let first = from + Duration::from_secs(1) * number / RATE;
                scope.spawn(move || ask_on_time(server, first..until))
            })
            .collect();
        let delays = sorted(asking.into_iter().flat_map(|thread| thread.join().unwrap()));
        let (mut signed_in, mut turned_away) = (0, 0);
        for thread in signing_in {
            let counted = thread.join().unwrap();
            signed_in += counted.0;
            turned_away += counted.1;
        }
        Moment { delays, signed_in, turned_away }
    })
}

/// Signs in again and again; a rejected client retries when the answer says.
fn sign_in(server: &Server, person: u8, when: std::ops::Range<Instant>) -> (u32, u32) {
    // The measuring process does not wait for these, which share a core with it.
    rustix::process::nice(19).unwrap();
    let body = credentials(&address_of(person));
    let request = client::request(server.address, "POST /api/session", &[], &body);
    let mut connection = Connection::open_from(network_of(person), server.address);
    let (mut signed_in, mut turned_away) = (0, 0);
    thread::sleep(when.start.saturating_duration_since(Instant::now()));
    while Instant::now() < when.end {
        let answer = connection.send(&request);
        match answer.status {
            200 => signed_in += 1,
            503 => {
                turned_away += 1;
                let wait = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
                let left = when.end.saturating_duration_since(Instant::now());
                thread::sleep(Duration::from_secs(wait).min(left));
            }
            status => panic!("{status}: {}", String::from_utf8_lossy(&answer.body)),
        }
    }
    (signed_in, turned_away)
}

/// One of the connections: every so often a request is due, and its delay counts from then where
/// the answer before it came too late for it to be sent.
fn ask_on_time(server: &Server, when: std::ops::Range<Instant>) -> Vec<f64> {
    let request = server.request("GET /api/session");
    let mut connection = Connection::open(server.address);
    let every = Duration::from_secs(1) * CONNECTIONS / RATE;
    let (mut due, mut delays) = (when.start, Vec::new());
    while due < when.end {
        let early = due.saturating_duration_since(Instant::now());
        thread::sleep(early);
        // How long it was slept too long is no fault of the server's.
        let begun = if early.is_zero() { due } else { Instant::now() };
        let answer = connection.send(&request);
        assert_eq!(answer.status, 200);
        delays.push(begun.elapsed().as_secs_f64() * 1000.0);
        due += every;
    }
    delays
}

pub fn run(plan: Plan) -> Vec<Goal> {
    let moments = measure(plan);
    let delays = |of: &[Moment], thousandths| -> Vec<f64> {
        of.iter().map(|moment| below(&moment.delays, thousandths)).collect()
    };
    let names = ["quiet".to_owned(), format!("{PEOPLE} signing in")];
    let per_second = |of: &[Moment], count: fn(&Moment) -> u32| {
        let seconds = f64::from(plan.seconds);
        Spread::of(of.iter().map(|moment| f64::from(count(moment)) / seconds)).show(0)
    };
    let rows = names.iter().zip(&moments).map(|(name, of)| {
        let mut row = vec![name.clone()];
        row.extend(TOLD.map(|(thousandths, _)| Spread::of(delays(of, thousandths)).show(2)));
        row.push(per_second(of, |moment| moment.signed_in));
        row.push(per_second(of, |moment| moment.turned_away));
        row
    });
    let Plan { rounds, seconds } = plan;
    let what = format!(
        "{rounds} rounds of {seconds} s each, {RATE} requests/s to `/api/session`; milliseconds:"
    );
    let [half, most, nearly_all] = TOLD.map(|(_, name)| name);
    let head = ["", half, most, nearly_all, "sign-ins/s", "rejected/s"];
    print_table("storm", &what, &head, &rows.collect::<Vec<_>>());
    let bars = TOLD.iter().flat_map(|(thousandths, told)| {
        names.iter().zip(&moments).enumerate().map(move |(place, (name, of))| Bar {
            label: format!("{told}, {name}"),
            value: Spread::of(delays(of, *thousandths)),
            is_ours: place == 1,
        })
    });
    let title = "Milliseconds, on a scale of decades".to_owned();
    let panel = Panel { title, bars: bars.collect(), is_logarithmic: true };
    let title = "Delay of the answers to people who are signed in";
    plots::bars("storm", title, &[panel]);
    let ratio = Spread::of_ratios(&delays(&moments[1], 990), &delays(&moments[0], 990));
    let what = format!("p99 with {PEOPLE} signing in, to quiet");
    vec![Goal::at_most(what, 3.0, ratio.median, "")]
}
