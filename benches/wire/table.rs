//! The figures of the parts that load whole servers or fill whole stores, as tables and pictures.

use crate::figures::{Spread, print_table};
use crate::goals::Goal;
use crate::load::{BARE, OURS, Plan, Sample, Series};
use crate::memory::Taken;
use crate::plots::{self, Bar, Panel};
use crate::servers::HS256;
use crate::shared::{REFERENCE, Shared};
use crate::sweeping::{Sweep, Times};

fn find<'a>(all: &'a [Series], like: &Series, name: &str) -> &'a Series {
    all.iter().find(|series| series.path == like.path && series.name == name).unwrap()
}

/// Processor time of a server beyond the bare handler, relative to the check of a JWT, in each
/// round.
fn added(all: &[Series], series: &Series) -> Spread {
    let [bare, jwt] = [BARE, HS256].map(|name| find(all, series, name).each(Sample::cpu));
    let rounds = series.each(Sample::cpu).into_iter().zip(jwt).zip(bare);
    Spread::of(rounds.map(|((own, jwt), bare)| (own - bare) / (jwt - bare)))
}

fn of_rounds(plan: Plan) -> String {
    let Plan { rounds, seconds } = plan;
    format!("{rounds} rounds, {seconds} s of each server in each round:")
}

/// The figures of every server at a path beside another, and one more.
fn row(series: &Series, beside: &Series, more: String) -> Vec<String> {
    vec![
        format!("`{}`", series.path),
        series.name.to_owned(),
        Spread::of(series.each(Sample::rate)).show(0),
        series.to(beside, Sample::rate).show(2),
        Spread::of(series.each(Sample::cpu)).show(1),
        series.to(beside, Sample::cpu).show(2),
        more,
        series.bytes.0.to_string(),
        series.bytes.1.to_string(),
    ]
}

/// One line for each server at each path. Ratios are of one round, against the bare handler.
pub fn wire(all: &[Series], plan: Plan) -> Vec<Goal> {
    let rows = all.iter().map(|series| {
        let bare = find(all, series, BARE);
        let is_bare = series.name == BARE;
        let added = if is_bare { "–".to_owned() } else { added(all, series).show(2) };
        row(series, bare, added)
    });
    let head = [
        "path",
        "server",
        "requests/s",
        "to bare",
        "CPU µs per request",
        "to bare",
        "added CPU, to that of HS256",
        "bytes sent",
        "bytes answered",
    ];
    print_table("wire", &of_rounds(plan), &head, &rows.collect::<Vec<_>>());
    draw("wire-requests", "Requests per second", all, Sample::rate);
    draw("wire-cpu", "CPU of the server, µs per request", all, Sample::cpu);
    all.iter()
        .filter(|series| series.name.starts_with("anteroom"))
        .flat_map(|s| goals(all, s))
        .collect()
}

fn goals(all: &[Series], series: &Series) -> [Goal; 2] {
    let bound = if series.path == "/auth/verify" { 0.95 } else { 0.9 };
    let of = format!("`{}`, {}", series.path, series.name);
    let rate = series.to(find(all, series, BARE), Sample::rate).median;
    let cpu = added(all, series).median;
    [
        Goal::at_least(format!("{of}: requests/s, to the bare handler"), bound, rate, ""),
        Goal::at_most(format!("{of}: added CPU, to that of an HS256 JWT"), 0.25, cpu, ""),
    ]
}

fn draw(name: &str, title: &str, all: &[Series], of: fn(&Sample) -> f64) {
    let panels = ["/auth/verify", "/api/session"].map(|path| {
        let series = all.iter().filter(|series| series.path == path);
        let bars = series.map(|series| Bar {
            label: series.name.to_owned(),
            value: Spread::of(series.each(of)),
            is_ours: series.name.starts_with("anteroom"),
        });
        Panel { title: path.to_owned(), bars: bars.collect(), is_logarithmic: false }
    });
    plots::bars(name, title, &panels);
}

/// The memory of a session.
pub fn memory(stores: &[Taken]) -> Vec<Goal> {
    let rows = stores.iter().map(|taken| {
        let Taken { store, sessions, bytes } = taken;
        vec![(*store).to_owned(), sessions.to_string(), format!("{bytes:.0}")]
    });
    let head = ["store", "live sessions", "bytes per session"];
    print_table("memory", "Filled once each:", &head, &rows.collect::<Vec<_>>());
    let bars = stores.iter().map(|taken| Bar {
        label: taken.store.to_owned(),
        value: Spread::of([taken.bytes]),
        is_ours: taken.store.starts_with("anteroom"),
    });
    let title = "Bytes per live session".to_owned();
    let panel = Panel { title, bars: bars.collect(), is_logarithmic: false };
    plots::bars("memory", "Memory of a session", &[panel]);
    let ours = stores.iter().find(|taken| taken.store == OURS).unwrap();
    let what = format!("bytes per live session, {} of them", ours.sessions);
    vec![Goal::at_most(what, 200.0, ours.bytes, "")]
}

/// One line for each server at each path, then what was counted.
pub fn shared(shared: &Shared, plan: Plan) {
    let all = &shared.series;
    let rows = all.iter().map(|series| {
        let reference = find(all, series, REFERENCE);
        let databases = Spread::of(series.each(|sample| sample.database_microseconds)).show(1);
        row(series, reference, databases)
    });
    let head = [
        "path",
        "server",
        "requests/s",
        "to connect-redis",
        "CPU µs per request",
        "to connect-redis",
        "CPU µs of the databases",
        "bytes sent",
        "bytes answered",
    ];
    print_table("shared", &of_rounds(plan), &head, &rows.collect::<Vec<_>>());
    draw(
        "shared",
        "Requests per second, sessions in a store that several can share",
        all,
        Sample::rate,
    );
    let rows = shared.trips.iter().map(|(server, redis, postgres)| {
        vec![(*server).to_owned(), format!("{redis:.2}"), format!("{postgres:.2}")]
    });
    let head = ["server", "round trips to Redis per check", "to PostgreSQL"];
    print_table("trips", "One request at a time:", &head, &rows.collect::<Vec<_>>());
}

/// One line for each store.
pub fn sweeps(sweeps: &[Sweep]) {
    let times = |times: &Times| {
        let below = |thousandths| times.below(thousandths);
        format!("{:.2} / {:.2} / {:.2}", below(500), below(990), below(1000))
    };
    let rows = sweeps.iter().map(|Sweep { store, steps, starts: [before, during] }| {
        vec![
            (*store).to_owned(),
            steps.count().to_string(),
            times(steps),
            times(before),
            times(during),
        ]
    });
    let head = [
        "store",
        "steps",
        "ms per step of 100 rows: median / 99 % / longest",
        "ms to start a session before the sweep",
        "during it",
    ];
    let what = "Steps of a hundred rows, while somebody signs in every few milliseconds:";
    print_table("sweep", what, &head, &rows.collect::<Vec<_>>());
}
