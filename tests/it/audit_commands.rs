//! What commands and starts of the server leave in the audit trail, read from the server beside.

use serde_json::{Value, json};

use crate::command_line::done;
use crate::harness::client::{Client, PASSWORD};
use crate::harness::loopback::free_port;
use crate::harness::server::{Place, Server};

/// The events that fit, the oldest first, and whoever looks is made an administrator first.
async fn events(root: &Client, query: &str) -> Vec<Value> {
    let answer = root.get(&format!("/api/admin/audit?limit=200&{query}")).await;
    assert_eq!(answer.status(), 200);
    let page: Value = answer.json().await.unwrap();
    let mut events = page["events"].as_array().unwrap().clone();
    events.reverse();
    events
}

async fn administrator(server: &Server) -> Client {
    let root = Client::of(server);
    assert_eq!(root.set_up(server, "root@example.org").await.status(), 303);
    root
}

fn add(place: &Place, email: &str) {
    let line = ["user", "add", "--password-stdin", email];
    done(&place.run_with_input(&line, &format!("{PASSWORD}\n")));
}

/// An event of a command, but for its id and time.
fn by_command(event: &Value, kind: &str, subject: &Value, details: &Value) {
    let mut event = event.clone();
    let fields = event.as_object_mut().unwrap();
    fields.remove("id");
    fields.remove("time");
    let outcome = fields.remove("outcome").unwrap();
    assert!(outcome == "ok" || outcome == "ordered", "{outcome}");
    let expected = json!({
        "kind": kind, "actor": "command_line", "subject": subject, "session_id": null,
        "network": null, "user_agent": "", "details": details,
    });
    assert_eq!(event, expected);
}

async fn what_a_command_does_is_recorded_as_done_by_the_command_line(server: Server, memory: bool) {
    let root = administrator(&server).await;
    let place = &server.place;
    add(place, "ada@example.org");
    let ada = Client::of(&server);
    let count = |reason: &str| {
        // How many they are is known to the server alone where it has them in its memory.
        if memory { json!({ "reason": reason }) } else { json!({ "reason": reason, "count": 1 }) }
    };
    let mut expected = vec![("signup", json!({ "role": "user" }))];

    for (line, kind, details, reason) in [
        (&["disable"][..], "account_disabled", json!({}), Some("account_disabled")),
        (&["enable"], "account_enabled", json!({}), None),
        (
            &["set-role"],
            "role_changed",
            json!({ "from": "user", "to": "admin" }),
            Some("role_changed"),
        ),
        (&["add-group"], "groups_changed", json!({ "added": ["dev"], "removed": [] }), None),
        (&["remove-group"], "groups_changed", json!({ "added": [], "removed": ["dev"] }), None),
        (
            &["set-password", "--password-stdin"],
            "password_changed",
            json!({}),
            Some("password_changed"),
        ),
        (&["delete", "--yes"], "account_deleted", json!({}), Some("account_deleted")),
    ] {
        if reason.is_some() {
            assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await, 200);
        }
        let value: &[&str] = match line {
            ["set-role"] => &["admin"],
            ["add-group" | "remove-group"] => &["dev"],
            _ => &[],
        };
        let line = [&["user"], line, &["ada@example.org"], value].concat();
        done(&place.run_with_input(&line, &format!("{PASSWORD}\n")));
        expected.push((kind, details));
        expected.extend(reason.map(|reason| ("session_ended", count(reason))));
    }

    let found = events(&root, "").await;
    let found: Vec<&Value> =
        found.iter().filter(|event| event["actor"] == "command_line").collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    let user = &found[0]["subject"];
    assert!(user.is_string());
    for (event, (kind, details)) in found.iter().zip(&expected) {
        by_command(event, kind, user, details);
    }
}

#[tokio::test]
async fn adm_2_commands_are_recorded_with_sessions_in_the_database() {
    what_a_command_does_is_recorded_as_done_by_the_command_line(Server::start(), false).await;
}

#[tokio::test]
async fn adm_2_commands_are_recorded_with_sessions_in_memory() {
    let server = Place::new().serve(&["--sessions", "memory:"]);
    what_a_command_does_is_recorded_as_done_by_the_command_line(server, true).await;
}

#[tokio::test]
async fn rev_11_sessions_that_a_command_ends_are_recorded_with_their_reason() {
    for memory in [false, true] {
        let place = Place::new();
        let server = place.serve(if memory { &["--sessions", "memory:"] } else { &[] });
        let root = administrator(&server).await;
        let ada = Client::of(&server);
        let body = ada.sign_up("ada@example.org").await;
        let (user, session) = (body["user"]["id"].clone(), body["session"]["id"].clone());
        let counted = |count: u32| {
            let reason = json!({ "reason": "revoked_by_admin" });
            let counted = json!({ "reason": "revoked_by_admin", "count": count });
            if memory { reason } else { counted }
        };

        done(&server.command(&["session", "revoke", session.as_str().unwrap()]));
        let event = events(&root, "kind=session_ended").await.pop().unwrap();
        assert_eq!((&event["session_id"], &event["actor"]), (&session, &json!("command_line")));
        assert_eq!(event["details"]["reason"], "revoked_by_admin");
        assert_eq!(event["subject"], if memory { Value::Null } else { user.clone() });

        assert_eq!(ada.sign_in("ada@example.org", PASSWORD).await, 200);
        done(&server.command(&["session", "revoke", "--user", "ada@example.org"]));
        let event = events(&root, "kind=session_ended").await.pop().unwrap();
        by_command(&event, "session_ended", &user, &counted(1));
        let outcome = if memory { "ordered" } else { "ok" };
        assert_eq!(event["outcome"], outcome);

        done(&server.command(&["session", "revoke", "--all", "--yes"]));
        assert_eq!(root.sign_in("root@example.org", PASSWORD).await, 200);
        let event = events(&root, "kind=session_ended").await.pop().unwrap();
        let mut details = counted(1);
        details["of"] = json!("everybody");
        by_command(&event, "session_ended", &Value::Null, &details);
    }
}

#[tokio::test]
async fn log_4_a_start_with_other_settings_is_recorded_with_their_names_alone() {
    let server = Place::new().serve(&[]);
    let root = administrator(&server).await;
    let server = server.stop().serve(&[]);
    assert_eq!(events(&root.at(&server), "kind=settings_changed").await, [] as [Value; 0]);

    let server = server.stop().serve(&["--idle-timeout", "31m", "--log", "debug"]);
    let others = &["--idle-timeout", "31m", "--log", "debug"];
    let server = server.stop().serve_at(([127, 0, 0, 1], free_port()).into(), others);

    let found = events(&root.at(&server), "kind=settings_changed").await;
    // The address is none of them, though the default of the public URL follows from it.
    assert_eq!(found.len(), 2, "{found:?}");
    let names = json!({ "settings": ["ANTEROOM_IDLE_TIMEOUT", "ANTEROOM_LOG"] });
    by_command(&found[0], "settings_changed", &Value::Null, &names);
    let names = json!({ "settings": ["ANTEROOM_PUBLIC_URL"] });
    by_command(&found[1], "settings_changed", &Value::Null, &names);
}
