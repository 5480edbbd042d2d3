//! Accounts of other systems: imported with their hashes, and exported again.

mod export;
mod files;
#[path = "../../../src/accounts/hashing/tests/peers.rs"]
#[expect(dead_code, reason = "the tests beside the code use the rest")]
mod peers;
mod sign_in;

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::command_line::done;
use crate::harness::postgres::Database;
use crate::harness::server::{Outcome, Place};

/// A place over each database. The second needs `PostgreSQL`. Hashes are as users get them.
async fn places() -> Vec<(Place, Option<Database>)> {
    let mut places = vec![(Place::new().with_usual_hashes(), None)];
    if let Some(database) = Database::fresh().await {
        places.push((database.place().with_usual_hashes(), Some(database)));
    }
    places
}

/// Imports this text from a file.
fn import(place: &Place, text: &str, more: &[&str]) -> Outcome {
    std::fs::write(place.path().join("users"), text).unwrap();
    place.run(&[&["import", "users", "users"], more].concat())
}

/// A line for each address, as JSON.
fn lines(emails: impl IntoIterator<Item = String>, hash: &str) -> String {
    emails.into_iter().fold(String::new(), |mut text, email| {
        let _ = writeln!(text, "{}", json!({ "email": email, "password_hash": hash }));
        text
    })
}

/// All accounts, as the export has them.
fn exported(place: &Place) -> Vec<Value> {
    let outcome = place.run(&["export", "users", "--with-hashes"]);
    done(&outcome).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
