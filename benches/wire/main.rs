//! Anteroom over the wire, beside servers that send the same bytes. `benches/run` builds and starts
//! this; what it prints goes into docs/benchmarks.md.
//!
//! Each server runs on one core and the load on another. In every round each of them is loaded for
//! a moment, one after the other, and what is compared is one server with another in the same
//! round, so that whatever else the machine does falls on all of them.

#![expect(clippy::unwrap_used, reason = "a benchmark that meets the unexpected fails")]
#![expect(unreachable_pub, reason = "nothing here is public")]

mod checks;
mod client;
mod databases;
mod figures;
mod goals;
mod growth;
mod inside;
mod load;
mod memory;
mod nodes;
#[path = "../peers/mod.rs"]
mod peers;
mod plots;
mod proxies;
mod revoke;
mod servers;
mod shared;
mod start;
mod storm;
mod streams;
mod sweeping;
mod table;

use std::env;

use crate::goals::Goal;
use crate::load::{LOAD_CORE, Plan, keep_to};

/// In the order in which they are measured.
const PARTS: [&str; 12] = [
    "wire", "proxies", "check", "memory", "growth", "storm", "nodes", "revoke", "start", "streams",
    "shared", "sweep",
];

/// Where `benches/run` leaves how many sessions are meant by a million.
const MILLION: &str = "ANTEROOM_BENCH_MILLION";

const USAGE: &str = "wire [PART...] ROUNDS SECONDS | wire fill STORE COUNT... | wire serve PEER";

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["fill", store, ref counts @ ..] => {
            let counts: Vec<u32> = counts.iter().map(|count| count.parse().unwrap()).collect();
            memory::print(store, &counts);
        }
        ["serve", peer] => servers::serve(peer),
        [ref parts @ .., rounds, seconds] if parts.iter().all(|part| PARTS.contains(part)) => {
            let plan = Plan { rounds: rounds.parse().unwrap(), seconds: seconds.parse().unwrap() };
            let all = PARTS.into_iter().filter(|part| parts.is_empty() || parts.contains(part));
            let goals: Vec<Goal> = all.flat_map(|part| measure(part, plan)).collect();
            goals::print(&goals);
        }
        // As `cargo bench` and `cargo test --benches` call it: it needs two cores to itself.
        _ => eprintln!("run benches/run; {USAGE}"),
    }
}

/// Measures one part, prints its tables and draws its pictures.
fn measure(part: &str, plan: Plan) -> Vec<Goal> {
    let million = env::var(MILLION).map_or(1_000_000, |count| count.parse().unwrap());
    keep_to(LOAD_CORE);
    match part {
        "wire" => table::wire(&load::measure_all(plan), plan),
        "proxies" => {
            proxies::run(plan);
            Vec::new()
        }
        "check" => checks::run(plan.rounds),
        "memory" => table::memory(&memory::measure(million)),
        "growth" => growth::run(million, plan.rounds),
        "storm" => storm::run(plan),
        "nodes" => nodes::run(plan),
        "revoke" => revoke::run(plan.rounds * 10),
        "start" => start::run(plan.rounds),
        "streams" => {
            streams::run();
            Vec::new()
        }
        "shared" => {
            table::shared(&shared::measure(plan), plan);
            Vec::new()
        }
        _ => {
            // The sweep has one core, and the sign-ins meanwhile the other.
            keep_to("0,1");
            let runtime = tokio::runtime::Runtime::new().unwrap();
            table::sweeps(&runtime.block_on(sweeping::measure(million)));
            Vec::new()
        }
    }
}
