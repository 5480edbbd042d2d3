//! `anteroom session …`, beside a server that runs.

use anteroom::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use crate::command_line::{done, refused};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::postgres::Database;
use crate::harness::server::{Place, Server};
use crate::second_factors::Authenticator;

fn in_memory() -> Server {
    Place::new().with("ANTEROOM_SESSIONS", "memory:").serve(&[])
}

/// Ada with a laptop and a phone, and Bob.
async fn people(server: &Server) -> [Client; 3] {
    let [laptop, phone, bob] = [(); 3].map(|()| Client::of(server));
    laptop.sign_up("ada@example.org").await;
    assert_eq!(phone.sign_in("ada@example.org", PASSWORD).await, 200);
    bob.sign_up("bob@example.org").await;
    [laptop, phone, bob]
}

async fn id_of(client: &Client) -> String {
    let (_, body) = client.session().await;
    body["session"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn live_sessions_are_listed_as_a_table_or_as_json() {
    let server = Server::start();
    let [laptop, phone, bob] = people(&server).await;
    let mut of_ada = vec![id_of(&laptop).await, id_of(&phone).await];
    of_ada.sort();

    let table = server.command(&["session", "list"]);
    let json = server.command(&["session", "list", "--user", "ada@example.org", "--json"]);

    let rows: Vec<&str> = done(&table).lines().collect();
    assert!(rows[0].starts_with("ID ") && rows[0].contains("DEVICE"), "{table:?}");
    assert_eq!(rows.len(), 4, "{table:?}");
    assert!(table.stdout.contains(&id_of(&bob).await), "{table:?}");
    let sessions: Vec<Value> = serde_json::from_str(done(&json)).unwrap();
    let mut listed: Vec<&str> = sessions.iter().map(|one| one["id"].as_str().unwrap()).collect();
    listed.sort_unstable();
    assert_eq!(listed, of_ada);
    assert_eq!(sessions[0]["kind"], "user");
}

#[tokio::test]
async fn revoking_one_ends_that_one_alone() {
    let server = Server::start();
    let [laptop, phone, bob] = people(&server).await;
    let id = id_of(&phone).await;

    let first = server.command(&["session", "revoke", &id]);
    let second = server.command(&["session", "revoke", &id]);

    assert!(done(&first).starts_with(&format!("{id}: revoked\ndatabase: ")), "{first:?}");
    assert_eq!(phone.reason().await, "revoked_by_admin");
    assert!(laptop.is_signed_in().await && bob.is_signed_in().await);
    let told = refused(&second, 1);
    assert!(told.contains(&id) && told.contains("session list"), "{told}");
}

#[tokio::test]
async fn revoking_those_of_a_user_ends_them_all_and_no_other() {
    let postgres = Database::fresh().await;
    let in_postgres = postgres.as_ref().map(|database| database.place().serve(&[]));
    for server in [Server::start(), in_memory()].into_iter().chain(in_postgres) {
        let [laptop, phone, bob] = people(&server).await;

        done(&server.command(&["session", "revoke", "--user", "ada@example.org"]));

        assert_eq!(laptop.reason().await, "revoked_by_admin");
        assert_eq!(phone.reason().await, "revoked_by_admin");
        assert!(bob.is_signed_in().await);
        assert_eq!(laptop.sign_in("ada@example.org", PASSWORD).await, 200);
        assert!(laptop.is_signed_in().await);
    }
}

#[tokio::test]
async fn revoking_all_ends_anonymous_ones_too() {
    let postgres = Database::fresh().await;
    let in_postgres = postgres.as_ref().map(|database| database.place().serve(&[]));
    for server in [Server::start(), in_memory()].into_iter().chain(in_postgres) {
        let [laptop, phone, bob] = people(&server).await;
        let visitor = Client::of(&server);
        let patch = visitor.request(Method::PATCH, "/api/session/data");
        let patched = patch.json(&json!({ "basket": 1 })).send().await.unwrap();
        assert_eq!(patched.status(), 200);
        let data: Value = visitor.get("/api/session/data").await.json().await.unwrap();
        assert_eq!(data, json!({ "basket": 1 }));

        done(&server.command(&["session", "revoke", "--all", "--yes"]));

        for client in [&laptop, &phone, &bob] {
            assert_eq!(client.reason().await, "revoked_by_admin");
        }
        let data: Value = visitor.get("/api/session/data").await.json().await.unwrap();
        assert_eq!(data, json!({}));
    }
}

#[tokio::test]
async fn revoking_all_asks_and_does_nothing_where_nobody_can_answer() {
    let server = Server::start();
    let [laptop, ..] = people(&server).await;

    let outcome = server.place.run_with_input(&["session", "revoke", "--all"], "y\n");

    assert!(refused(&outcome, 1).contains("--yes"), "{outcome:?}");
    assert!(laptop.is_signed_in().await);
}

#[tokio::test]
async fn sessions_in_memory_are_revoked_by_id_but_not_listed() {
    let server = in_memory();
    let [laptop, phone, bob] = people(&server).await;

    let list = server.command(&["session", "list"]);
    assert!(refused(&list, 1).contains("in the memory of the server"), "{list:?}");

    done(&server.command(&["session", "revoke", &id_of(&phone).await]));
    assert_eq!(phone.reason().await, "revoked_by_admin");
    assert!(laptop.is_signed_in().await && bob.is_signed_in().await);
}

#[tokio::test]
async fn revoking_all_voids_sign_ins_that_wait_for_their_second_step() {
    for server in [Server::start(), in_memory()] {
        let [laptop, phone, _] = people(&server).await;
        let begun: Value =
            laptop.post_json("/api/account/totp", &json!({})).await.json().await.unwrap();
        let app = Authenticator::of(begun["secret"].as_str().unwrap());
        let now = Clock::system().now();
        let code = json!({ "code": app.code_at(now) });
        let confirmed = laptop.post_json("/api/account/totp/confirm", &code).await;
        let confirmed: Value = confirmed.json().await.unwrap();
        assert_eq!(phone.sign_in("ada@example.org", PASSWORD).await, 401);

        done(&server.command(&["session", "revoke", "--all", "--yes"]));

        let code = json!({ "recovery_code": confirmed["recovery_codes"][0] });
        let answer = phone.post_json("/api/session/second-factor", &code).await;
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "no_session", "{problem}");
    }
}
