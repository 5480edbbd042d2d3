//! The figures, as tables for docs/benchmarks.md.

use crate::load::{Plan, Sample, Series};

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
