//! A server that is killed in the middle of its work, again and again, on one database: whatever it
//! had acknowledged is so after the next start, and what it had not is so or not so, never half.
//!
//! `KILL_ROUNDS` sets the number of rounds, `SEED` the chance of an earlier run.

mod person;

use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::Row as _;
use tempfile::TempDir;

use self::person::Person;
use crate::harness::chance::{Chance, SaysSeed, rounds};
use crate::harness::server::{Place, Server};

/// How long a server lives before it is killed; short lives are likelier.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(500);
/// Sign-ins whose answer never came leave sessions behind that the limit counts.
const MOST_ORPHANS: u32 = 8;

/// Where the sessions are, as the server is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    InDatabase,
    InMemory,
}

/// What was acknowledged, in a file of its own and in the order of the answers.
#[derive(Clone)]
pub struct Journal(Arc<Mutex<(File, Vec<String>)>>);

impl Journal {
    fn new(folder: &TempDir) -> Self {
        let file = File::create(folder.path().join("journal")).unwrap();
        Self(Arc::new(Mutex::new((file, Vec::new()))))
    }

    pub fn note(&self, line: String) {
        let mut journal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(journal.0, "{line}").unwrap();
        journal.0.flush().unwrap();
        journal.1.push(line);
    }

    /// The last of it, about one person.
    pub fn about(&self, who: &str) -> String {
        let journal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<_> =
            journal.1.iter().filter(|line| line.contains(who)).map(String::as_str).collect();
        let from = lines.len().saturating_sub(40);
        format!("\n  {}", lines[from..].join("\n  "))
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.len()
    }
}

fn place() -> Place {
    Place::new().without_throttles().with("ANTEROOM_LOG", "warn")
}

fn start(place: &Place, kept: Kept) -> Server {
    match kept {
        Kept::InDatabase => place.serve(&[]),
        Kept::InMemory => place.serve(&["--sessions", "memory:"]),
    }
}

async fn killed_again_and_again(kept: Kept, times: u64) {
    let mut chance = Chance::seeded();
    let _seed = SaysSeed(chance.seed());
    let folder = TempDir::new().unwrap();
    let journal = Journal::new(&folder);
    let mut place = place();
    let mut people: Vec<Person> = Vec::new();
    let (mut made, mut starts, begun) = (0, Duration::ZERO, Instant::now());
    let mut server = start(&place, kept);
    let at_once = if kept == Kept::InDatabase { 4 } else { 2 };
    for round in 0..times {
        people.retain(|person| person.orphans < MOST_ORPHANS);
        while people.len() < at_once {
            made += 1;
            people.push(Person::new(made, kept == Kept::InMemory, chance.fork()));
        }
        journal.note(format!("round {round}"));
        let life = chance.between(SHORTEST, LONGEST).min(chance.between(SHORTEST, LONGEST));
        let busy: Vec<_> = people
            .drain(..)
            .map(|person| tokio::spawn(person.be_busy(server.url.clone(), journal.clone())))
            .collect();
        if chance.below(4) > 0 {
            first_operation(&journal).await;
        }
        tokio::time::sleep(life).await;
        let noise = server.stderr();
        assert!(!noise.contains("ERROR"), "{noise}");
        place = server.kill();
        for person in busy {
            people.push(person.await.unwrap());
        }

        let starting = Instant::now();
        server = start(&place, kept);
        starts += starting.elapsed();

        let checks = people
            .drain(..)
            .map(|person| tokio::spawn(person.checked(server.url.clone(), journal.clone())));
        for person in checks.collect::<Vec<_>>() {
            people.push(person.await.unwrap());
        }
    }
    // Each operation is one line, each round one more.
    let operations = journal.len() as u64 - times;
    assert!(operations > times / 2, "only {operations} operations in {times} rounds");
    eprintln!(
        "{times} kills, {operations} acknowledged operations, {:?} for a start, {:?} in all",
        starts / u32::try_from(times).unwrap(),
        begun.elapsed()
    );
    let place = server.stop();
    the_file_is_sound(&place).await;
}

/// A machine that is slow today gets to do something all the same.
async fn first_operation(journal: &Journal) {
    let (before, deadline) = (journal.len(), Instant::now() + Duration::from_secs(5));
    while journal.len() == before && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn the_file_is_sound(place: &Place) {
    let url = format!("sqlite://{}", place.path().join("anteroom.db").display());
    let database = sqlx::SqlitePool::connect(&url).await.unwrap();
    let count = async |statement: &'static str| {
        let row = sqlx::query(statement).fetch_one(&database).await.unwrap();
        row.get::<i64, _>(0)
    };
    let row = sqlx::query("PRAGMA integrity_check").fetch_one(&database).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "ok");
    let both = "SELECT COUNT(*) FROM sessions JOIN ended_sessions USING (token_digest)";
    assert_eq!(count(both).await, 0, "tokens both live and ended");
    let outdated = "SELECT COUNT(*) FROM sessions LEFT JOIN user_epochs USING (user_id) \
                    WHERE sessions.user_id IS NOT NULL \
                    AND user_epochs.epoch IS NOT sessions.epoch";
    assert_eq!(count(outdated).await, 0, "live sessions of another epoch");
    let without = "SELECT COUNT(*) FROM users LEFT JOIN user_epochs USING (user_id) \
                   WHERE user_epochs.epoch IS NULL";
    assert_eq!(count(without).await, 0, "accounts without an epoch");
    database.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sto_2_what_was_acknowledged_before_a_kill_is_so_after_it() {
    killed_again_and_again(Kept::InDatabase, rounds("KILL_ROUNDS", 20, 400)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sto_2_with_sessions_in_memory_accounts_survive_a_kill_and_sessions_end_with_it() {
    killed_again_and_again(Kept::InMemory, rounds("KILL_ROUNDS", 20, 400) / 4).await;
}
