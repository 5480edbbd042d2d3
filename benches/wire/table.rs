//! The figures, as tables for docs/benchmarks.md.

use crate::load::{Plan, Sample, Series};
use crate::shared::{REFERENCE, Shared};
use crate::sweeping::{Sweep, Times};

/// The median, and the range that it was found in.
fn spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    let (first, last) = (values[0], values[values.len() - 1]);
    format!("{:.digits$} ({first:.digits$}–{last:.digits$})", median(&values))
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { sorted[middle - 1].midpoint(sorted[middle]) }
}

/// One line for each server at each path. Ratios are of one round, against the bare handler.
pub fn print(all: &[Series], plan: Plan) {
    println!("{} rounds, {} s of each server in each round\n", plan.rounds, plan.seconds);
    println!(
        "| path | server | requests/s | to bare | CPU µs per request | to bare | added CPU, to \
         the JWT's | bytes sent | bytes answered |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for series in all {
        let find = |name| all.iter().find(|s| s.path == series.path && s.name == name).unwrap();
        let (bare, jwt) = (find("bare"), find("jwt"));
        let against = |other: &Series, of: fn(&Sample) -> f64| {
            series.samples.iter().zip(&other.samples).map(|(a, b)| of(a) / of(b)).collect()
        };
        let rate = |sample: &Sample| sample.requests_per_second;
        let cpu = |sample: &Sample| sample.cpu_microseconds;
        let rounds = series.samples.iter().zip(&jwt.samples).zip(&bare.samples);
        let added = rounds.map(|((s, j), b)| (cpu(s) - cpu(b)) / (cpu(j) - cpu(b))).collect();
        println!(
            "| `{}` | {} | {} | {} | {} | {} | {} | {} | {} |",
            series.path,
            series.name,
            spread(series.samples.iter().map(rate).collect(), 0),
            spread(against(bare, rate), 2),
            spread(series.samples.iter().map(cpu).collect(), 1),
            spread(against(bare, cpu), 2),
            if series.name == "bare" { "–".to_owned() } else { spread(added, 2) },
            series.bytes.0,
            series.bytes.1,
        );
    }
}

/// What a session takes.
pub fn print_memory(stores: &[(&'static str, f64)]) {
    println!("\n| store | bytes per live session, a million of them |\n|---|---|");
    for (store, bytes) in stores {
        println!("| {store} | {bytes:.0} |");
    }
}

/// One line for each server at each path, then what was counted.
pub fn print_shared(shared: &Shared, plan: Plan) {
    println!("{} rounds, {} s of each server in each round\n", plan.rounds, plan.seconds);
    println!(
        "| path | server | requests/s | to connect-redis | CPU µs per request | to connect-redis \
         | CPU µs of the databases | bytes sent | bytes answered |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for series in &shared.series {
        let is_reference = |other: &&Series| other.path == series.path && other.name == REFERENCE;
        let reference = shared.series.iter().find(is_reference).unwrap();
        let figures = |of: fn(&Sample) -> f64| series.samples.iter().map(of).collect();
        let ratios = |of: fn(&Sample) -> f64| {
            series.samples.iter().zip(&reference.samples).map(|(a, b)| of(a) / of(b)).collect()
        };
        println!(
            "| `{}` | {} | {} | {} | {} | {} | {} | {} | {} |",
            series.path,
            series.name,
            spread(figures(|sample| sample.requests_per_second), 0),
            spread(ratios(|sample| sample.requests_per_second), 2),
            spread(figures(|sample| sample.cpu_microseconds), 1),
            spread(ratios(|sample| sample.cpu_microseconds), 2),
            spread(figures(|sample| sample.database_microseconds), 1),
            series.bytes.0,
            series.bytes.1,
        );
    }
    println!("\n| server | round trips to Redis per check | to PostgreSQL |\n|---|---|---|");
    for (server, redis, postgres) in &shared.trips {
        println!("| {server} | {redis:.2} | {postgres:.2} |");
    }
    println!("\n| store | bytes per live session, a hundred thousand of them |\n|---|---|");
    for (store, bytes) in &shared.bytes {
        println!("| {store} | {bytes:.0} |");
    }
}

/// One line for each store.
pub fn print_sweeps(sweeps: &[Sweep]) {
    let times = |times: &Times| {
        let below = |thousandths| times.below(thousandths);
        format!("{:.2} / {:.2} / {:.2}", below(500), below(990), below(1000))
    };
    println!(
        "| store | steps | ms per step of 100 rows: median / 99 % / longest | ms to start a session before \
         the sweep | during it |"
    );
    println!("|---|---|---|---|---|");
    for Sweep { store, steps, starts: [before, during] } in sweeps {
        println!(
            "| {store} | {} | {} | {} | {} |",
            steps.count(),
            times(steps),
            times(before),
            times(during),
        );
    }
}
