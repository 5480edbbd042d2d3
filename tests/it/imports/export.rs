//! What is exported can be imported, and is the same then.

use serde_json::{Value, json};

use super::{exported, import, peers, places};
use crate::command_line::{done, refused};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::server::Place;

/// Accounts of every sort.
fn accounts() -> String {
    let lines = [
        json!({ "email": "ada@example.org", "name": "Ada \u{202f}L. \"한\"", "role": "admin",
                "groups": ["dev", "on-call"], "email_verified": true, "password_hash": peers::QUICK[0],
                "created_at": "2019-01-02T03:04:05.678Z" }),
        json!({ "email": "bob@example.org", "status": "disabled",
                "password_hash": peers::QUICK[13], "created_at": "2026-01-01T00:00:00Z" }),
        json!({ "email": "eve@xn--mnchen-3ya.example" }),
    ];
    lines.map(|line| line.to_string()).join("\n")
}

#[tokio::test]
async fn imp_12_an_export_that_is_imported_gives_the_same_accounts() {
    let mut seen: Option<String> = None;
    for (place, _database) in places().await {
        done(&import(&place, &accounts(), &[]));
        let line = ["user", "add", "joan@example.org", "--password-stdin"];
        done(&place.run_with_input(&line, &format!("{PASSWORD}\n")));
        let first = done(&place.run(&["export", "users", "--with-hashes"])).to_owned();

        for (other, _database) in places().await {
            done(&import(&other, &first, &[]));
            assert_eq!(done(&other.run(&["export", "users", "--with-hashes"])), first);
            let server = other.serve(&[]);
            assert_eq!(Client::of(&server).sign_in("joan@example.org", PASSWORD).await, 200);
            let ada = Client::of(&server).sign_in("ada@example.org", peers::PASSWORD).await;
            assert_eq!(ada, 200);
        }
        // In the order in which they were made, but for the time and the salt of the last one.
        let imported: Vec<&str> = first.lines().take(2).collect();
        let imported = imported.join("\n");
        assert!(seen.is_none_or(|seen| seen == imported), "{imported}");
        seen = Some(imported);
    }
}

#[test]
fn every_field_is_written_and_hashes_only_when_asked_for() {
    let place = Place::new();
    done(&import(&place, &accounts(), &[]));

    let without = place.run(&["export", "users"]);
    let with = exported(&place);

    let lines: Vec<Value> =
        done(&without).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!without.stdout.contains("password_hash") && !without.stdout.contains('$'));
    assert_eq!(
        lines[0],
        json!({
            "email": "ada@example.org", "name": "Ada \u{202f}L. \"한\"", "role": "admin",
            "groups": ["dev", "on-call"], "status": "active", "email_verified": true, "created_at": "2019-01-02T03:04:05.678Z",
        })
    );
    let emails: Vec<_> = lines.iter().map(|line| line["email"].as_str().unwrap()).collect();
    assert_eq!(emails, ["ada@example.org", "bob@example.org", "eve@xn--mnchen-3ya.example"]);
    assert_eq!(with[0]["password_hash"], peers::QUICK[0]);
    assert_eq!(with[2].get("password_hash"), None, "there is no password");
}

#[tokio::test]
async fn imp_10_an_export_is_recorded_with_whether_it_has_hashes() {
    let server = crate::harness::server::Server::start();
    let root = Client::of(&server);
    assert_eq!(root.set_up(&server, "root@example.org").await.status(), 303);

    done(&server.command(&["export", "users"]));
    done(&server.command(&["export", "users", "--with-hashes"]));

    let page: Value = root.get("/api/admin/audit?kind=users_exported").await.json().await.unwrap();
    let details = |number: usize| &page["events"][number]["details"];
    assert_eq!(details(0), &json!({ "with_hashes": true }));
    assert_eq!(details(1), &json!({ "with_hashes": false }));
}

#[test]
fn nothing_is_exported_where_there_is_no_database() {
    let place = Place::new();
    assert!(refused(&place.run(&["export", "users"]), 1).contains("no database at"));
    assert!(refused(&place.run(&["export"]), 2).contains("anteroom --help"));
    assert!(refused(&place.run(&["import", "users"]), 2).contains("anteroom --help"));
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn more_accounts_than_a_page_has_come_in_order() {
    let place = Place::new();
    let emails = (0..2_500).map(|number| format!("user{number}@example.org"));
    let text = super::lines(emails.clone(), "");
    done(&import(&place, &text, &[]));

    let exported = exported(&place);

    let found: Vec<_> = exported.iter().map(|user| user["email"].as_str().unwrap()).collect();
    assert_eq!(found, emails.collect::<Vec<_>>());
}
