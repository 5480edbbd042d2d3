//! Anteroom over the wire, beside servers that send the same bytes. `benches/run` builds and starts
//! this; what it prints goes into docs/benchmarks.md.
//!
//! Each server runs on one core and the load on another. In every round each of them is loaded for
//! a moment, one after the other, and what is compared is one server with another in the same
//! round, so that whatever else the machine does falls on all of them.

#![expect(clippy::unwrap_used, reason = "a benchmark that meets the unexpected fails")]
#![expect(unreachable_pub, reason = "nothing here is public")]

mod client;
mod databases;
mod load;
mod memory;
#[path = "../peers/mod.rs"]
mod peers;
mod servers;
mod shared;
mod sweeping;
mod table;

use std::env;

use crate::load::Plan;

const USAGE: &str = "wire measure [ROUNDS [SECONDS]] | wire shared [ROUNDS [SECONDS]] | wire sweep COUNT | wire memory STORE COUNT | wire serve PEER";

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["measure", ref rest @ ..] => {
            let plan = plan(rest);
            table::print(&load::measure_alone(plan), plan);
            table::print_memory(&memory::measure(1_000_000));
        }
        ["shared", ref rest @ ..] => {
            let plan = plan(rest);
            table::print_shared(&shared::measure(plan), plan);
        }
        ["memory", store, count] => memory::print(store, count.parse().unwrap()),
        ["sweep", count] => {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            table::print_sweeps(&runtime.block_on(sweeping::measure(count.parse().unwrap())));
        }
        ["serve", peer] => servers::serve(peer),
        // As `cargo bench` and `cargo test --benches` call it: it needs two cores to itself.
        _ => eprintln!("run benches/run; {USAGE}"),
    }
}

fn plan(words: &[&str]) -> Plan {
    let number =
        |place: usize, default| words.get(place).map_or(default, |text| text.parse().unwrap());
    Plan { rounds: number(0, 8), seconds: number(1, 2) }
}
