//! How soon the program is ready, and what it takes while nobody comes.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::ask;
use crate::databases::free_port;
use crate::figures::{Spread, print_table};
use crate::goals::Goal;
use crate::memory::resident_of;
use crate::plots::{self, Bar, Panel};
use crate::servers::{self, Process, account};

const MEGABYTE: f64 = 1e6;
/// When what was needed for the start is over.
const IDLE_AFTER: Duration = Duration::from_secs(1);
/// How many people signed up before the database was left.
const PEOPLE: u32 = 10;

/// Starts of one kind.
struct Starts {
    name: &'static str,
    milliseconds: Vec<f64>,
    megabytes: Vec<f64>,
}

fn measure(rounds: u32) -> [Starts; 2] {
    let left = TempDir::new().unwrap();
    leave_database(left.path());
    let starts = |name| Starts { name, milliseconds: Vec::new(), megabytes: Vec::new() };
    let [mut in_memory, mut existing] =
        [starts("sessions in memory, new database"), starts("SQLite, existing database")];
    for round in 0..rounds {
        eprintln!("start: round {} of {rounds}", round + 1);
        let new = TempDir::new().unwrap();
        start(&mut in_memory, new.path(), &[("ANTEROOM_SESSIONS", "memory:")]);
        start(&mut existing, left.path(), &[]);
    }
    [in_memory, existing]
}

fn leave_database(folder: &Path) {
    let (process, address, _) = ready(folder, &[]);
    for person in 0..PEOPLE {
        let body = account(&format!("person{person}@example.org"));
        assert_eq!(ask(address, "POST /api/signup", &[], &body).status, 201);
    }
    stop(process);
}

fn start(of: &mut Starts, folder: &Path, settings: &[(&str, &str)]) {
    let (process, _, took) = ready(folder, settings);
    thread::sleep(IDLE_AFTER);
    let kibibytes = u32::try_from(resident_of(process.0.id()) / 1024).unwrap();
    of.milliseconds.push(took.as_secs_f64() * 1000.0);
    of.megabytes.push(f64::from(kibibytes) * 1024.0 / MEGABYTE);
    stop(process);
}

/// Starts it, and asks until it says that it is ready.
fn ready(folder: &Path, settings: &[(&str, &str)]) -> (Process, SocketAddr, Duration) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let mut command = servers::command(servers::program(), folder, settings);
    command.args(["--listen", &address.to_string()]);
    let begun = Instant::now();
    let process = Process(command.spawn().unwrap());
    while TcpStream::connect(address).is_err() || ask(address, "GET /readyz", &[], "").status != 200
    {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not start");
        thread::sleep(Duration::from_micros(200));
    }
    (process, address, begun.elapsed())
}

/// As an administrator stops it, so that the next start finds nothing to mend.
fn stop(mut process: Process) {
    let id = process.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(process.0.wait().unwrap().success());
}

pub fn run(rounds: u32) -> Vec<Goal> {
    let all = measure(rounds);
    let spread = |values: &[f64]| Spread::of(values.iter().copied());
    let rows = all.iter().map(|of| {
        let (ready, idle) = (spread(&of.milliseconds), spread(&of.megabytes));
        vec![of.name.to_owned(), ready.show(1), idle.show(1)]
    });
    let bytes = u32::try_from(fs::metadata(servers::program()).unwrap().len()).unwrap();
    let what = format!(
        "{rounds} starts of each, in turn; the program is a file of {:.1} MB:",
        f64::from(bytes) / MEGABYTE
    );
    let head = ["", "ms until ready", "MB, idle"];
    print_table("start", &what, &head, &rows.collect::<Vec<_>>());
    let panel = |title: &str, figure: fn(&Starts) -> &Vec<f64>| Panel {
        title: title.to_owned(),
        bars: all
            .iter()
            .map(|of| Bar { label: of.name.to_owned(), value: spread(figure(of)), is_ours: true })
            .collect(),
        is_logarithmic: false,
    };
    let panels = [
        panel("Milliseconds until it is ready", |of| &of.milliseconds),
        panel("MB that it holds while idle", |of| &of.megabytes),
    ];
    plots::bars("start", "Starting", &panels);
    all.iter()
        .flat_map(|of| {
            [
                Goal::at_most(
                    format!("ready: {}", of.name),
                    100.0,
                    spread(&of.milliseconds).median,
                    "ms",
                ),
                Goal::at_most(
                    format!("idle: {}", of.name),
                    20.0,
                    spread(&of.megabytes).median,
                    "MB",
                ),
            ]
        })
        .collect()
}
