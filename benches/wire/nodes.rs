//! Three servers over the same stores, with the lease and without it, beside one server with its
//! sessions in memory.

use crate::databases::Databases;
use crate::figures::{Spread, print_table};
use crate::goals::Goal;
use crate::load::{self, OURS, Plan, Sample, Series};
use crate::plots::{self, Bar, Panel};
use crate::servers::{self, Server};

const IN_REDIS: &str = "3 × Redis";
const NODES: usize = 3;

/// Three nodes that share these databases.
pub fn three(
    name: &'static str,
    databases: &Databases,
    in_redis: bool,
    cache: &str,
) -> Vec<Server> {
    let (database, redis) = (databases.postgres.url(), databases.redis.url(0));
    let sessions = if in_redis { &*redis } else { "database" };
    let settings = [
        ("ANTEROOM_DATABASE", &*database),
        ("ANTEROOM_SESSIONS", sessions),
        ("ANTEROOM_CACHE", cache),
    ];
    let mut nodes = vec![servers::anteroom(name, &settings)];
    while nodes.len() < NODES {
        nodes.push(servers::another_node(&nodes[0], &settings));
    }
    nodes
}

fn measure(plan: Plan) -> Vec<Series> {
    let kinds = [
        (IN_REDIS, true, "on"),
        ("3 × Redis, no lease", true, "off"),
        ("3 × PostgreSQL", false, "on"),
        ("3 × PostgreSQL, no lease", false, "off"),
    ];
    // Each has stores of its own: what one changes is nothing to the others.
    let databases = kinds.map(|_| Databases::start());
    let mut groups = vec![vec![servers::anteroom(OURS, &[("ANTEROOM_SESSIONS", "memory:")])]];
    for ((name, in_redis, cache), databases) in kinds.into_iter().zip(&databases) {
        groups.push(three(name, databases, in_redis, cache));
    }
    load::measure(&groups, plan, &|| databases.iter().map(Databases::cpu_seconds).sum())
}

pub fn run(plan: Plan) -> Vec<Goal> {
    let all = measure(plan);
    let single =
        |of: &Series| all.iter().find(|other| other.path == of.path && other.name == OURS).unwrap();
    let rows = all.iter().map(|series| {
        vec![
            format!("`{}`", series.path),
            series.name.to_owned(),
            Spread::of(series.each(Sample::rate)).show(0),
            series.to(single(series), Sample::rate).show(2),
            Spread::of(series.each(Sample::cpu)).show(1),
            series.to(single(series), Sample::cpu).show(2),
            Spread::of(series.each(|sample| sample.database_microseconds)).show(1),
        ]
    });
    let Plan { rounds, seconds } = plan;
    let what = format!("{rounds} rounds, {seconds} s of one node of each kind in each round:");
    let head = [
        "path",
        "servers",
        "requests/s of a node",
        "to memory",
        "CPU µs per request",
        "to memory",
        "CPU µs of the databases",
    ];
    print_table("nodes", &what, &head, &rows.collect::<Vec<_>>());
    let panels = ["/auth/verify", "/api/session"].map(|path| Panel {
        title: format!("{path}: requests per second of one node"),
        bars: all
            .iter()
            .filter(|series| series.path == path)
            .map(|series| Bar {
                label: series.name.to_owned(),
                value: Spread::of(series.each(Sample::rate)),
                is_ours: !series.name.ends_with("no lease"),
            })
            .collect(),
        is_logarithmic: false,
    });
    plots::bars("nodes", "Three servers over the same stores, one at a time under load", &panels);
    let leased = all.iter().filter(|series| series.name == IN_REDIS);
    leased
        .map(|series| {
            let what = format!("`{}`: a node of three on Redis, to one in memory", series.path);
            let ratio = series.to(single(series), Sample::rate).median;
            Goal::at_least(what, 0.9, ratio, "of its requests/s")
        })
        .collect()
}
