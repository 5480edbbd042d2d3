//! A file is imported as a whole, or not at all.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::{exported, import, lines, peers, places};
use crate::command_line::done;
use crate::harness::client::Client;
use crate::harness::server::{PATIENCE, Place};

/// The lines of stderr, after the name of the program.
fn lines_of(stderr: &str) -> Vec<&str> {
    stderr.lines().map(|line| line.strip_prefix("anteroom: ").unwrap()).collect()
}

#[tokio::test]
async fn imp_9_a_file_with_a_wrong_line_changes_nothing_and_every_wrong_line_is_said() {
    for (place, _database) in places().await {
        done(&import(&place, "email\ntaken@example.org\n", &[]));
        let before = exported(&place);
        let text = "name,email,role\n\
                    Ada,ada@example.org,user\n\
                    Bob,bob,user\n\
                    \n\
                    Taken,TAKEN@example.org,user\n\
                    Eve,eve@example.org,empress\n\
                    Ada,Ada@EXAMPLE.org,user\n";
        let expected = [
            "users:3: email: write one address with one @, like name@example.org",
            "users:5: email: an account has this address already",
            "users:6: role: write user or admin",
            "users:7: email: line 2 has the same address",
            "nothing was imported: wrong lines: 4 of 5",
        ];
        for more in [&["--dry-run"][..], &[]] {
            let outcome = import(&place, text, more);
            assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{outcome:?}");
            assert_eq!(lines_of(&outcome.stderr), expected);
            assert_eq!(exported(&place), before);
        }
    }
}

#[tokio::test]
async fn a_line_that_is_wrong_in_two_ways_is_counted_once() {
    for (place, _database) in places().await {
        done(&import(&place, "email\ntaken@example.org\n", &[]));
        let text = "{\"email\":\"taken@example.org\"}\n{\"email\":\"taken@example.org\"}\n";

        let outcome = import(&place, text, &[]);

        let taken = |line: u8| format!("users:{line}: email: an account has this address already");
        let last = "nothing was imported: wrong lines: 2 of 2";
        assert_eq!(lines_of(&outcome.stderr), [&*taken(1), &*taken(2), last]);
    }
}

#[tokio::test]
async fn a_dry_run_says_how_many_accounts_there_are_and_changes_nothing() {
    for (place, database) in places().await {
        let text = lines(["ada@example.org".to_owned(), "bob@example.org".to_owned()], "");

        let outcome = import(&place, &text, &["--dry-run"]);

        assert_eq!(done(&outcome), "accounts that could be imported: 2; nothing was changed\n");
        // Not even a database is made.
        assert!(database.is_some() || place.files() == ["users"], "{:?}", place.files());
        assert!(done(&import(&place, &text, &[])).starts_with("imported accounts: 2\ndatabase: "));
        assert_eq!(exported(&place).len(), 2);
        let again = import(&place, &text, &[]);
        assert_eq!(lines_of(&again.stderr).len(), 3, "{again:?}");
        assert_eq!(exported(&place).len(), 2);
    }
}

#[test]
fn the_costliest_hash_and_the_price_of_a_refusal_are_said() {
    let tag = "A".repeat(43);
    let text = format!(
        "email,password_hash\nada@example.org,\"$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ${tag}\"\n\
         bob@example.org,\"$argon2id$v=19$m=65536,t=2,p=1$c2FsdHNhbHQ${tag}\"\neve@example.org,\n"
    );
    for more in [&["--dry-run"][..], &[]] {
        let said = done(&import(&Place::new(), &text, more)).to_owned();
        let price = said.lines().last().unwrap();
        let begin = "costliest hash: Argon2, in line 3; until all of these are replaced, a refused \
                     sign-in takes ";
        assert!(price.starts_with(begin) && price.ends_with(" and 64 MiB"), "{said}");
    }
}

#[test]
fn a_wrong_file_makes_no_database() {
    let place = Place::new();
    for text in ["email\nada\n", "mail\nada@example.org\n", "", "email,name\na@example.org,\"A\n"] {
        let outcome = import(&place, text, &[]);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert_eq!(place.files(), ["users"], "{text:?}");
    }
    let missing = place.run(&["import", "users", "nowhere.csv"]);
    assert!(missing.stderr.starts_with("anteroom: cannot read nowhere.csv: "), "{missing:?}");
    let pipe = place.run_with_input(&["import", "users", "/dev/stdin"], "email\na@example.org\n");
    assert!(pipe.stderr.contains("is no file"), "{pipe:?}");
    assert_eq!(place.files(), ["users"]);
}

#[test]
fn a_hundred_wrong_lines_are_shown_and_the_others_counted() {
    let text = (0..250).fold("email\n".to_owned(), |text, number| format!("{text}wrong{number}\n"));

    let outcome = import(&Place::new(), &text, &[]);

    let told = lines_of(&outcome.stderr);
    assert_eq!(told.len(), 101, "{outcome:?}");
    assert!(told[0].starts_with("users:2: ") && told[99].starts_with("users:101: "));
    let last = "nothing was imported: wrong lines: 250 of 250, of which the first are shown";
    assert_eq!(told[100], last);
}

/// Somebody who reads the terminal or the log of a job must not learn them.
#[test]
fn no_hash_is_repeated() {
    let hash = &peers::QUICK[13][..50];
    let outcome = import(&Place::new(), &format!("email,name\n{hash},{hash}\n{hash}\n"), &[]);
    assert_eq!(outcome.code, Some(1));
    assert!(!outcome.stderr.contains("u5mnjCvOcsUzK4knNokc0O"), "{outcome:?}");
}

#[tokio::test]
async fn imp_10_an_import_is_recorded_once_and_counts_beside_a_server() {
    for (place, _database) in places().await {
        let server = place.serve(&[]);
        let root = Client::of(&server);
        assert_eq!(root.set_up(&server, "root@example.org").await.status(), 303);
        let text = lines((0..3).map(|n| format!("user{n}@example.org")), peers::QUICK[13]);

        done(&import(&place, &text, &[]));

        assert_eq!(Client::of(&server).sign_in("user1@example.org", peers::PASSWORD).await, 200);
        let page: Value = root.get("/api/admin/audit?limit=200").await.json().await.unwrap();
        let events = page["events"].as_array().unwrap();
        let found: Vec<_> =
            events.iter().filter(|event| event["kind"] == "users_imported").collect();
        assert_eq!(found.len(), 1, "{events:?}");
        assert_eq!(found[0]["details"], json!({ "count": 3 }));
        assert_eq!(found[0]["actor"], "command_line");
        // The administrator signed up, and nobody else.
        assert_eq!(events.iter().filter(|event| event["kind"] == "signup").count(), 1);
        let users: Value = root.get("/api/admin/users?query=user2").await.json().await.unwrap();
        assert_eq!(users["users"][0]["email"], "user2@example.org");
        assert_eq!(users["users"][0]["email_verified"], false);
    }
}

#[tokio::test]
async fn imp_9_an_import_that_is_killed_changes_nothing() {
    for (place, database) in places().await {
        done(&import(&place, "email\nfirst@example.org\n", &[]));
        let before = exported(&place);
        let many = (0..10_000).map(|number| format!("user{number}@example.org"));
        std::fs::write(place.path().join("many"), lines(many, peers::QUICK[13])).unwrap();

        let mut killed_within = 0;
        for wait in [500, 1_000, 2_000] {
            let mut process = Command::new(env!("CARGO_BIN_EXE_anteroom"));
            process.args(["import", "users", "many"]).current_dir(place.path()).env_clear();
            if let Some(database) = &database {
                process.env("ANTEROOM_DATABASE", &database.url);
            }
            let mut process = process.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(wait));
            process.kill().unwrap();
            if process.wait().unwrap().success() {
                break;
            }
            killed_within += 1;
            assert_eq!(exported(&place), before);
        }

        assert!(killed_within > 0, "it is over before it is killed");
        if exported(&place) == before {
            done(&place.run(&["import", "users", "many"]));
        }
        assert_eq!(exported(&place).len(), 10_001);
    }
}

/// A file that becomes another between the two readings is not half imported.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imp_9_an_account_that_was_made_meanwhile_stops_the_import() {
    use anteroom::accounts::{
        Accounts, Email, Groups, ImportError, ImportedUser, ImportedUsers, Name, PasswordHash,
        Role, Status,
    };

    struct Twice(Option<Vec<ImportedUser>>);
    impl ImportedUsers for Twice {
        fn rewind(&mut self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let user = |email: &str| ImportedUser {
                email: Email::parse(email).unwrap(),
                email_verified: false,
                name: Name::default(),
                role: Role::User,
                groups: Groups::default(),
                status: Status::Active,
                hash: PasswordHash::none(),
                created_at: None,
            };
            self.0 = Some(vec![user("new@example.org"), user("ada@example.org")]);
            Ok(())
        }

        fn next_users(
            &mut self,
        ) -> Result<Vec<ImportedUser>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(self.0.take().unwrap_or_default())
        }
    }

    use crate::harness::app::{Kind, TestApp};
    for kind in [Kind::Database, Kind::Postgres] {
        if !kind.is_here("an import").await {
            continue;
        }
        let app = TestApp::start(kind).await;
        app.add("ada@example.org", Role::User).await;
        let accounts: &Accounts = app.anteroom.accounts();
        let outcome = accounts.import(&mut Twice(None)).await;
        assert!(matches!(outcome, Err(ImportError::EmailTaken)), "{outcome:?}");
        assert_eq!(accounts.count().await.unwrap().all, 1);
    }
}

#[test]
fn addresses_are_those_of_sign_up_and_both_spellings_of_a_domain_are_one() {
    let place = Place::new();
    let text = "email\nＡda@MÜNCHEN.example\nada@xn--mnchen-3ya.example\n";
    let outcome = import(&place, text, &[]);
    assert_eq!(lines_of(&outcome.stderr)[0], "users:3: email: line 2 has the same address");
    done(&import(&place, "email\nＡda@MÜNCHEN.example\n", &[]));
    assert_eq!(exported(&place)[0]["email"], "ada@xn--mnchen-3ya.example");
}

mod nightly {
    use super::*;

    /// `IMPORT_LINES` sets how many. Memory is that of a small import, and 16 bytes for each line.
    #[test]
    fn imp_11_many_lines_are_imported_within_bounded_memory() {
        let wanted = std::env::var("IMPORT_LINES").ok().and_then(|lines| lines.parse().ok());
        let count: u32 = wanted.unwrap_or(100_000);
        let place = Place::new();
        let path = place.path().join("many.csv");
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
        writeln!(file, "email,name,role,status,email_verified,password_hash,created_at").unwrap();
        for number in 0..count {
            let hash = peers::QUICK[13];
            writeln!(
                file,
                "user{number}@example{}.org,\"User, {number}\",user,active,true,{hash},\
                 2020-01-01T00:00:00Z",
                number % 1000
            )
            .unwrap();
        }
        file.into_inner().unwrap().sync_all().unwrap();
        let begun = std::time::Instant::now();
        let mut process = Command::new(env!("CARGO_BIN_EXE_anteroom"));
        process.args(["import", "users", "many.csv"]).current_dir(place.path()).env_clear();
        let mut process = process.spawn().unwrap();
        let mut peak = 0;
        let ended = loop {
            let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
            let line = status.as_deref().ok().and_then(|status| {
                status.lines().find(|line| line.starts_with("VmHWM:"))?.split_whitespace().nth(1)
            });
            peak = line.and_then(|kib| kib.parse().ok()).unwrap_or(0).max(peak);
            if let Some(status) = process.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < 10 * PATIENCE, "it takes too long");
            std::thread::sleep(Duration::from_millis(5));
        };
        eprintln!("{count} lines within {:?}, at most {peak} KiB", begun.elapsed());
        assert!(ended.success());
        let per_line: u64 = 16 * 2;
        let most = 80 * 1024 + u64::from(count) * per_line / 1024;
        assert!(peak > 0 && peak < most, "{peak} KiB, more than {most}");
        let mut append = OpenOptions::new().append(true).open(&path).unwrap();
        writeln!(append, "user0@example0.org,,,,,,").unwrap();
        let again = place.run(&["import", "users", "many.csv", "--dry-run"]);
        assert!(again.stderr.contains(&format!("wrong lines: {} of {}", count + 1, count + 1)));
    }
}
