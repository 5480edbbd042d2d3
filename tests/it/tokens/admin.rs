//! The administration of clients: by the API and on pages.

use reqwest::Method;
use serde_json::{Value, json};

use crate::audit::events;
use crate::harness::app::{Kind, MINUTE, PASSWORD, TestApp, on_one_store};
use crate::harness::browser::{Answer, Browser};

on_one_store!(
    adm_1_clients_are_for_administrators_alone,
    adm_2_every_change_of_a_client_needs_a_fresh_proof,
    a_client_is_registered_and_its_secret_sent_once,
    values_that_cannot_be_accepted_register_nothing_and_are_named,
    a_new_secret_leaves_the_latest_one_valid_unless_it_is_to_be_dropped,
    a_removed_client_is_unknown_as_one_that_never_was,
    adm_5_clients_are_listed_a_page_at_a_time,
    every_change_of_a_client_is_recorded_without_its_secret,
    a_client_is_registered_by_a_form_and_its_secret_shown_once,
    errors_of_a_new_client_are_shown_beside_their_fields,
    a_secret_is_made_and_a_client_removed_by_forms,
    the_signing_keys_are_shown_with_their_states,
    hdr_1_names_of_clients_are_escaped_and_their_pages_need_no_script,
);

const CLIENTS: &str = "/api/admin/clients";
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// Registers a client, and returns its id.
async fn client(admin: &Browser, name: &str) -> String {
    registered(admin, json!({ "name": name })).await.0
}

/// Registers a client, and returns its id and its secret.
async fn registered(admin: &Browser, new: Value) -> (String, String) {
    let answer = admin.post(CLIENTS, new).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let body = answer.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&body["client"]["client_id"]), text(&body["client_secret"]))
}

/// Whether the server takes a secret for that of the client.
async fn is_accepted(app: &TestApp, id: &str, secret: &str) -> bool {
    let fields = [("token", "x"), ("client_id", id), ("client_secret", secret)];
    let answer = app.browser().post_form("/oauth/introspect", &fields).await;
    assert!([200, 401].contains(&answer.status), "{}", answer.text);
    answer.status == 200
}

/// The text of an answer must be the page with this status.
fn assert_page(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(answer.text.contains(words), "{words} is not in {}", answer.text);
}

/// The secret on a page.
fn shown_secret(page: &Answer) -> String {
    let after = page.text.split("client_secret</dt><dd><code class=\"link\">").nth(1).unwrap();
    after.split('<').next().unwrap().to_owned()
}

/// Every way to change the client: method, path, body.
fn changes(id: &str) -> [(Method, String, Value); 3] {
    [
        (Method::POST, CLIENTS.to_owned(), json!({ "name": "Billing" })),
        (Method::POST, format!("{CLIENTS}/{id}/secret"), json!({ "drop_old": true })),
        (Method::DELETE, format!("{CLIENTS}/{id}"), json!({})),
    ]
}

async fn adm_1_clients_are_for_administrators_alone(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let ada = app.signed_in("ada@example.org").await;
    let id = client(&root, "Orders").await;
    let reads = [CLIENTS.to_owned(), format!("{CLIENTS}/{id}"), format!("{CLIENTS}/{NOBODY}")];
    let reads = reads.map(|path| (Method::GET, path, json!({})));
    for (method, path, body) in reads.into_iter().chain(changes(&id)) {
        let answer = ada.send(method.clone(), &path, body.clone()).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{method} {path}");
        let answer = app.browser().send(method.clone(), &path, body).await;
        assert_eq!(answer.refusal(), (401, "no_session".to_owned()), "{method} {path}");
    }
    for path in ["/admin/clients".to_owned(), format!("/admin/clients/{id}")] {
        assert_page(&root.get(&path).await, 200, "Orders");
        assert_page(&ada.get(&path).await, 404, "There is nothing here");
        let nobody = app.browser().get(&path).await;
        assert_eq!((nobody.status, nobody.location()), (303, &*format!("/login?next={path}")));
    }
    assert_page(&root.get("/admin").await, 200, "<a href=\"/admin/clients\"");
}

async fn adm_2_every_change_of_a_client_needs_a_fresh_proof(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (id, secret) = registered(&root, json!({ "name": "Orders" })).await;
    app.pass(10 * MINUTE).await;

    for (method, path, body) in changes(&id) {
        let answer = root.send(method.clone(), &path, body).await;
        let refusal = (403, "reauthentication_required".to_owned());
        assert_eq!(answer.refusal(), refusal, "{method} {path}");
    }
    let page = format!("/admin/clients/{id}");
    for (path, back) in [
        ("/admin/clients".to_owned(), "/admin/clients"),
        (format!("{page}/secret"), &*page),
        (format!("{page}/remove"), &*page),
    ] {
        let answer = root.post_form(&path, &[("name", "Billing"), ("sure", "true")]).await;
        let expected = format!("/reauthenticate?next={back}");
        assert_eq!((answer.status, answer.location()), (303, &*expected), "{path}");
    }
    let listed = root.get(CLIENTS).await.json();
    assert_eq!(listed["clients"].as_array().unwrap().len(), 1);
    assert!(is_accepted(&app, &id, &secret).await);
    assert_eq!(root.reauthenticate(PASSWORD).await.status, 200);
    for (method, path, body) in changes(&id) {
        let answer = root.send(method.clone(), &path, body).await;
        assert!(answer.status < 300, "{method} {path}: {}", answer.text);
    }
}

async fn a_client_is_registered_and_its_secret_sent_once(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let answer = root
        .post(
            CLIENTS,
            json!({
                "name": " Orders ",
                "audiences": ["https://api.example.org", "orders"],
                "scopes": ["orders:read"],
                "algorithm": "EdDSA",
            }),
        )
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    let (made, secret) = (&body["client"], body["client_secret"].as_str().unwrap());
    let id = made["client_id"].as_str().unwrap();
    let expected = json!({
        "client_id": id,
        "name": "Orders",
        "algorithm": "EdDSA",
        "audiences": ["https://api.example.org", "orders"],
        "scopes": ["orders:read"],
        "redirect_uris": [],
        "public": false,
        "trusted": false,
        "allowed_groups": [],
        "secrets": 1,
        "created_at": "2026-11-21T09:00:00Z",
    });
    assert_eq!(*made, expected);
    assert!(is_accepted(&app, id, secret).await);

    let one = root.get(&format!("{CLIENTS}/{id}")).await;
    assert_eq!(one.json(), json!({ "client": expected }));
    let listed = root.get(CLIENTS).await;
    assert_eq!(listed.json(), json!({ "clients": [expected], "next_cursor": null }));
    let pages = ["/admin/clients".to_owned(), format!("/admin/clients/{id}")];
    let mut later = vec![one, listed];
    for page in &pages {
        later.push(root.get(page).await);
    }
    for answer in later {
        assert!(!answer.text.contains(secret), "{}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let usual = root.post(CLIENTS, json!({ "name": "Billing" })).await.json()["client"].clone();
    let shape = (&usual["algorithm"], &usual["audiences"], &usual["scopes"]);
    assert_eq!(shape, (&json!("ES256"), &json!([]), &json!([])));
}

async fn values_that_cannot_be_accepted_register_nothing_and_are_named(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    registered(&root, json!({ "name": "Orders", "audiences": ["orders"] })).await;
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    let with = |field: &str, value: Value| json!({ "name": "Billing", field: value });
    for (body, field, code) in [
        (json!({ "name": "" }), "name", "invalid_name"),
        (json!({ "name": "a".repeat(65) }), "name", "invalid_name"),
        (json!({ "name": "a\u{7}b" }), "name", "invalid_name"),
        (json!({ "name": "Orders" }), "name", "name_taken"),
        (with("audiences", json!(["a b"])), "audiences", "invalid_audience"),
        (with("audiences", json!([""])), "audiences", "invalid_audience"),
        (with("audiences", json!(many)), "audiences", "too_many"),
        (with("scopes", json!(["\"x\""])), "scopes", "invalid_scope"),
        (with("scopes", json!(many)), "scopes", "too_many"),
        (with("algorithm", json!("none")), "algorithm", "unknown_value"),
        (with("algorithm", json!("es256")), "algorithm", "unknown_value"),
        (with("algorithm", json!("HS256")), "algorithm", "shared_secret"),
        (
            json!({ "name": "Billing", "audiences": ["orders"], "algorithm": "HS256" }),
            "audiences",
            "audience_taken",
        ),
    ] {
        let answer = root.post(CLIENTS, body.clone()).await;
        assert_eq!(answer.refusal(), (422, "invalid_input".to_owned()), "{body}");
        let errors = answer.json()["errors"].clone();
        assert_eq!(errors.as_object().unwrap().len(), 1, "{errors}");
        assert_eq!(errors[field]["code"], code, "{body}: {errors}");
        let message = errors[field]["message"].as_str().unwrap();
        assert!(!message.starts_with(char::is_lowercase), "{message}");
    }
    for body in [
        json!({}),
        json!({ "name": null }),
        json!({ "name": "Billing", "scopes": "a b" }),
        json!({ "name": "Billing", "secret": "mine" }),
    ] {
        let answer = root.post(CLIENTS, body.clone()).await;
        assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()), "{body}");
    }
    let listed = root.get(CLIENTS).await.json();
    assert_eq!(listed["clients"].as_array().unwrap().len(), 1, "{listed}");
}

async fn a_new_secret_leaves_the_latest_one_valid_unless_it_is_to_be_dropped(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (id, first) = registered(&root, json!({ "name": "Orders" })).await;
    let path = format!("{CLIENTS}/{id}/secret");
    let next = async |body: Value, number: u64| {
        let answer = root.post(&path, body).await;
        assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
        let body = answer.json();
        assert_eq!(body["client"]["secrets"], number);
        let one = root.get(&format!("{CLIENTS}/{id}")).await;
        assert_eq!(one.json()["client"], body["client"]);
        let secret = body["client_secret"].as_str().unwrap().to_owned();
        assert!(!one.text.contains(&secret));
        secret
    };
    let accepted = async |secrets: [&str; 4]| {
        let mut all = [false; 4];
        for (one, secret) in all.iter_mut().zip(secrets) {
            *one = is_accepted(&app, &id, secret).await;
        }
        all
    };

    let second = next(json!({}), 2).await;
    assert_eq!(accepted([&first, &second, "", "x"]).await, [true, true, false, false]);
    let third = next(json!({ "drop_old": false }), 2).await;
    assert_eq!(accepted([&first, &second, &third, "x"]).await, [false, true, true, false]);
    let fourth = next(json!({ "drop_old": true }), 1).await;
    assert_eq!(accepted([&first, &second, &third, &fourth]).await, [false, false, false, true]);
    let answer = root.post(&path, json!({ "drop_old": null })).await;
    assert_eq!(answer.refusal(), (400, "malformed_body".to_owned()));
}

async fn a_removed_client_is_unknown_as_one_that_never_was(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (id, secret) = registered(&root, json!({ "name": "Orders" })).await;
    client(&root, "Billing").await;
    // A name is no id, although commands take either.
    client(&root, NOBODY).await;
    let answer = root.delete(&format!("{CLIENTS}/{id}")).await;
    assert_eq!((answer.status, &*answer.text), (204, ""));

    assert!(!is_accepted(&app, &id, &secret).await);
    for unknown in [&*id, NOBODY, "Billing", "x", "%00"] {
        let path = format!("{CLIENTS}/{unknown}");
        for (method, path) in [
            (Method::GET, path.clone()),
            (Method::DELETE, path.clone()),
            (Method::POST, format!("{path}/secret")),
        ] {
            let answer = root.send(method.clone(), &path, json!({})).await;
            let refusal = (404, "client_not_found".to_owned());
            assert_eq!(answer.refusal(), refusal, "{method} {path}");
        }
        let page = format!("/admin/clients/{unknown}");
        let lacking = "There is no such client";
        assert_page(&root.get(&page).await, 404, lacking);
        assert_page(&root.post_form(&format!("{page}/secret"), &[]).await, 404, lacking);
        let sure = [("sure", "true")];
        assert_page(&root.post_form(&format!("{page}/remove"), &sure).await, 404, lacking);
    }
    let listed = root.get(CLIENTS).await.json();
    assert_eq!(listed["clients"].as_array().unwrap().len(), 2);
}

async fn adm_5_clients_are_listed_a_page_at_a_time(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    for n in 0..27 {
        client(&root, &format!("client {n}.")).await;
    }
    let names = |page: &Value| -> Vec<String> {
        let clients = page["clients"].as_array().unwrap().iter();
        clients.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for length in [10, 10, 7] {
        let page = root.get(&format!("{CLIENTS}?limit=10{cursor}")).await.json();
        assert_eq!(names(&page).len(), length);
        found.extend(names(&page));
        cursor = match page["next_cursor"].as_str() {
            Some(next) => format!("&cursor={next}"),
            None => String::new(),
        };
        assert_eq!(cursor.is_empty(), length == 7);
    }
    assert_eq!(found, (0..27).map(|n| format!("client {n}.")).collect::<Vec<_>>());
    for query in ["limit=0", "limit=201", "cursor=x"] {
        let answer = root.get(&format!("{CLIENTS}?{query}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_input".to_owned()), "{query}");
    }
    let first = root.get("/admin/clients").await;
    assert!(first.text.contains("client 24.") && !first.text.contains("client 25."));
    let next = first.text.split("rel=\"next\" href=\"").nth(1).unwrap();
    let next = next.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    let last = root.get(&next).await;
    assert_page(&last, 200, "client 25.");
    assert!(!last.text.contains("client 24.") && !last.text.contains("rel=\"next\""));
}

async fn every_change_of_a_client_is_recorded_without_its_secret(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (id, secret) = registered(&root, json!({ "name": "Orders" })).await;
    let path = format!("{CLIENTS}/{id}");
    for body in [json!({}), json!({ "drop_old": true })] {
        root.post(&format!("{path}/secret"), body).await;
    }
    root.delete(&path).await;

    let user = root.user_id().await;
    let mut found = Vec::new();
    for kind in ["client_created", "client_changed", "client_removed"] {
        for event in events(&root, &format!("kind={kind}")).await {
            assert_eq!((&event["actor"], &event["outcome"]), (&json!(user), &json!("ok")));
            let details = &event["details"];
            assert_eq!((&details["client"], &details["name"]), (&json!(id), &json!("Orders")));
            found.push(format!("{kind} {}", details["earlier_secret"].as_str().unwrap_or("")));
        }
    }
    let expected =
        ["client_created ", "client_changed kept", "client_changed removed", "client_removed "];
    assert_eq!(found, expected);
    let page = root.get("/admin/audit").await;
    assert_page(&page, 200, "client_removed");
    assert!(!page.text.contains(&secret));
}

async fn a_client_is_registered_by_a_form_and_its_secret_shown_once(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let fields = [
        ("name", "Orders"),
        ("audiences", "orders  https://api.example.org"),
        ("scopes", " orders:read orders:write"),
        ("algorithm", "HS256"),
    ];
    let made = root.post_form("/admin/clients", &fields).await;
    assert_page(&made, 201, "This secret is shown only now");
    assert_eq!((made.header("cache-control"), made.location()), ("no-store", ""));
    let secret = shown_secret(&made);

    let listed = root.get(CLIENTS).await.json()["clients"][0].clone();
    let id = listed["client_id"].as_str().unwrap();
    assert_eq!(listed["audiences"], json!(["orders", "https://api.example.org"]));
    assert_eq!(listed["scopes"], json!(["orders:read", "orders:write"]));
    assert_eq!(listed["algorithm"], "HS256");
    assert!(made.text.contains(id) && is_accepted(&app, id, &secret).await);
    for path in ["/admin", "/admin/clients", "/admin/audit", &format!("/admin/clients/{id}")] {
        let page = root.get(path).await;
        assert_page(&page, 200, "<h1");
        assert!(!page.text.contains(&secret) && !page.text.contains("client_secret"), "{path}");
    }
}

async fn errors_of_a_new_client_are_shown_beside_their_fields(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    client(&root, "Orders").await;
    for (fields, field, words) in [
        ([("name", "Orders"), ("scopes", "kept")], "name", "Another client has this name"),
        ([("name", ""), ("scopes", "kept")], "name", "Use 1 to 64 characters"),
        ([("audiences", "\u{e4}"), ("scopes", "kept")], "name", "Use 1 to 64 characters"),
        ([("name", "kept"), ("audiences", "\u{e4}")], "audiences", "Write each audience"),
        ([("name", "kept"), ("scopes", "\\")], "scopes", "Write each scope"),
        ([("name", "kept"), ("algorithm", "RS256")], "algorithm", "Choose one of"),
        ([("name", "kept"), ("algorithm", "HS256")], "algorithm", "HS256 needs an audience"),
    ] {
        let answer = root.post_form("/admin/clients", &fields).await;
        assert_page(&answer, 422, &format!("<p class=\"wrong\" id=\"{field}-error\">{words}"));
        assert!(answer.text.contains("value=\"kept\""), "{}", answer.text);
        assert_eq!(answer.text.matches("aria-invalid").count(), 1, "{}", answer.text);
    }
    let answer = root.post_form("/admin/clients", &[("name", ""), ("algorithm", "EdDSA")]).await;
    assert_page(&answer, 422, "<option value=\"EdDSA\" selected>");
}

async fn a_secret_is_made_and_a_client_removed_by_forms(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (id, first) = registered(&root, json!({ "name": "Orders" })).await;
    let page = format!("/admin/clients/{id}");
    let path = format!("{page}/secret");

    let made = root.post_form(&path, &[]).await;
    assert_page(&made, 200, "This secret is shown only now");
    assert_eq!((made.header("cache-control"), made.location()), ("no-store", ""));
    let second = shown_secret(&made);
    assert!(is_accepted(&app, &id, &first).await && is_accepted(&app, &id, &second).await);
    assert!(!root.get(&page).await.text.contains(&second));
    let third = shown_secret(&root.post_form(&path, &[("drop_old", "true")]).await);
    assert!(!is_accepted(&app, &id, &first).await && !is_accepted(&app, &id, &second).await);
    assert!(is_accepted(&app, &id, &third).await);

    let remove = format!("{page}/remove");
    assert_page(&root.post_form(&remove, &[]).await, 422, "Tick the box to remove the client.");
    assert_page(&root.get(&page).await, 200, "Orders");
    client(&root, "Billing").await;
    let removed = root.post_form(&remove, &[("sure", "true")]).await;
    assert_eq!((removed.status, removed.location()), (303, "/admin/clients?done=removed"));
    let list = root.get(removed.location()).await;
    assert_page(&list, 200, "The client was removed.");
    assert!(!list.text.contains("Orders") && !is_accepted(&app, &id, &third).await);
}

async fn the_signing_keys_are_shown_with_their_states(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    assert_page(&root.get("/admin/clients").await, 200, "There are no keys yet");
    client(&root, "Orders").await;

    let page = root.get("/admin/clients").await;
    assert!(!page.text.contains("There are no keys yet"));
    for state in ["Signing", "Next"] {
        assert_eq!(page.text.matches(&format!("<td>{state}</td>")).count(), 2, "{}", page.text);
    }
    let jwks = app.browser().get("/oauth/jwks").await.json();
    let keys = jwks["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 4);
    for key in keys {
        let (short, rest) = key["kid"].as_str().unwrap().split_at(8);
        assert_page(&page, 200, &format!("<code>{short}…</code>"));
        assert!(!page.text.contains(rest));
    }
}

async fn hdr_1_names_of_clients_are_escaped_and_their_pages_need_no_script(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let hostile = "<script>alert(1)</script>'\"";
    let made = root.post_form("/admin/clients", &[("name", hostile), ("scopes", "<b>")]).await;
    let id = root.get(CLIENTS).await.json()["clients"][0]["client_id"].clone();
    let page = format!("/admin/clients/{}", id.as_str().unwrap());
    let again = root.post_form("/admin/clients", &[("name", hostile)]).await;
    let rotated = root.post_form(&format!("{page}/secret"), &[]).await;

    assert_eq!([made.status, again.status, rotated.status], [201, 422, 200]);
    let read = [root.get("/admin/clients").await, root.get(&page).await];
    for answer in read.iter().chain([&made, &again, &rotated]) {
        assert!(answer.text.contains("script&#62;alert(1)"), "{}", answer.text);
        assert!(!answer.text.contains("<script>") && !answer.text.contains("<b>"));
        // The one script is that of every page, for signs of life.
        assert_eq!(answer.text.matches("<script").count(), 1, "{}", answer.text);
    }
}
