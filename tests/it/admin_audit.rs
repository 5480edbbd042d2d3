//! Looking through the trail, taking it away as a file, and what is counted from it.

use anteroom::audit::{By, Event, Kind as What};
use anteroom::sessions::Client;
use serde_json::{Value, json};

use crate::audit::events;
use crate::harness::app::{DAY, HOUR, Kind, PASSWORD, TestApp, on_one_store};

on_one_store!(
    events_are_found_by_everything_that_is_known_of_them,
    the_whole_trail_is_one_file,
    inj_4_no_cell_of_a_file_is_a_formula,
    the_figures_say_how_it_stands,
);

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

async fn events_are_found_by_everything_that_is_known_of_them(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let admin = root.user_id().await;
    app.pass(HOUR / 10).await;
    let ada = app.signed_in("ada@example.org").await;
    let (user, session) = (ada.user_id().await, ada.session_id().await);
    app.browser().try_to_sign_in("ada@example.org", "wrong password here", false).await;
    let change = json!({ "role": "admin" });
    assert_eq!(root.patch(&format!("/api/admin/users/{user}"), change).await.status, 200);

    let found = async |query: &str| -> Vec<String> {
        kinds(&events(&root, query).await).iter().map(|&kind| kind.to_owned()).collect()
    };
    let all = ["login", "login", "login_failed", "role_changed", "session_ended"];
    assert_eq!(found("").await, all);
    assert_eq!(found(&format!("actor={admin}")).await, ["login", "role_changed", "session_ended"]);
    assert_eq!(found(&format!("user={user}")).await, all[1..]);
    assert_eq!(found(&format!("user={user}&actor={admin}")).await, all[3..]);
    assert_eq!(found("actor=nobody").await, ["login_failed"]);
    assert_eq!(found("actor=server").await, [""; 0]);
    assert_eq!(found(&format!("session={session}")).await, ["login"]);
    assert_eq!(found("network=127.0.0.1").await, all);
    assert_eq!(found("network=127.0.0.2").await, [""; 0]);
    assert_eq!(found("outcome=wrong_password").await, ["login_failed"]);
    assert_eq!(found("until=2026-11-21T09:06:00Z").await, all[..1]);
    assert_eq!(found("from=2026-11-21T09:06:00Z").await, all[1..]);
    assert_eq!(found("from=2026-11-21T09:06&until=2026-11-21T09:07&kind=login").await, ["login"]);
    for bad in ["actor=x", "session=x", "network=x", "from=x", "until=2026-13-01T00:00:00Z"] {
        let answer = root.get(&format!("/api/admin/audit?{bad}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_input".to_owned()), "{bad}");
    }
}

async fn the_whole_trail_is_one_file(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let by = By::anonymous(Client::default());
    // More than are in memory at once.
    for _ in 0..13 {
        app.anteroom.audit().record((0..100).map(|_| Event::new(What::Logout, &by))).await;
    }
    let listed = {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = root.get(&format!("/api/admin/audit?limit=200{cursor}")).await.json();
            all.extend(page["events"].as_array().unwrap().clone());
            let Some(next) = page["next_cursor"].as_str() else { break all };
            cursor = format!("&cursor={next}");
        }
    };
    assert_eq!(listed.len(), 1301);

    let file = root.get("/api/admin/audit/export").await;
    assert_eq!(file.header("content-type"), "application/json");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"anteroom-audit.json\"");
    assert_eq!(file.json()["events"], json!(listed));
    let file = root.get("/api/admin/audit/export?format=csv&kind=login").await;
    assert!(file.header("content-type").starts_with("text/csv"));
    let lines: Vec<&str> = file.text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("\u{FEFF}id,time,kind,actor,"), "{}", lines[0]);
    assert!(lines[1].contains("\"2026-11-21T09:00:00Z\",\"login\""), "{}", lines[1]);
    let answer = root.get("/api/admin/audit/export?format=xlsx").await;
    assert_eq!(answer.refusal(), (400, "invalid_input".to_owned()));
}

async fn inj_4_no_cell_of_a_file_is_a_formula(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    for agent in ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", " =1", "＝1", "a,\"b\""] {
        let client = Client { user_agent: agent.to_owned(), ..Client::default() };
        app.anteroom.audit().record([Event::new(What::Logout, &By::anonymous(client))]).await;
    }
    let file = root.get("/api/admin/audit/export?format=csv&kind=logout").await.text;
    for cell in [
        "\"'=cmd|'/c calc'!A1\"",
        "\"'+1\"",
        "\"'-1\"",
        "\"'@SUM(A1)\"",
        "\"' =1\"",
        "\"'＝1\"",
        "\"a,\"\"b\"\"\"",
    ] {
        assert!(file.contains(&format!(",{cell},")), "{cell} in {file}");
    }
    for line in file.lines().skip(1) {
        for cell in line.split("\",\"") {
            let begins = cell.trim_start_matches('"');
            assert!(!begins.starts_with(['=', '+', '-', '@']), "{cell}");
        }
    }
}

async fn the_figures_say_how_it_stands(kind: Kind) {
    let app = TestApp::start(kind).await;
    for _ in 0..3 {
        app.signed_in("ada@example.org").await;
    }
    app.browser().try_to_sign_in("ada@example.org", "wrong password here", false).await;
    app.clock.advance(2 * DAY + HOUR);
    let root = app.administrator("root@example.org").await;
    app.browser().try_to_sign_in("x@example.org", PASSWORD, false).await;
    let disabled = json!({ "email": "eve@example.org", "status": "disabled" });
    assert_eq!(root.post("/api/admin/users", disabled).await.status, 201);

    for _ in 0..2 {
        let told = root.get("/api/admin/figures").await.json();
        assert_eq!(told["users"], json!({ "all": 3, "administrators": 1, "disabled": 1 }));
        assert!(told["live_sessions"]["users"].as_u64().unwrap() >= 1, "{told}");
        let (hours, days) = (told["hours"].as_array().unwrap(), told["days"].as_array().unwrap());
        assert_eq!((hours.len(), days.len()), (24, 30));
        let present = json!({ "begins_at": "2026-11-23T10:00:00Z", "sign_ins": 1, "failures": 1 });
        assert_eq!(hours[23], present);
        assert_eq!(hours[22]["sign_ins"], 0);
        assert_eq!(
            days[29],
            json!({ "begins_at": "2026-11-23T00:00:00Z", "sign_ins": 1, "failures": 1 })
        );
        assert_eq!(
            days[27],
            json!({ "begins_at": "2026-11-21T00:00:00Z", "sign_ins": 3, "failures": 1 })
        );
        assert_eq!(days[28]["sign_ins"], 0);
    }
    app.signed_in("ada@example.org").await;
    let told = root.get("/api/admin/figures").await.json();
    assert_eq!(told["hours"][23]["sign_ins"], 2, "what goes on is counted each time");
}
