//! Every route, every method and everybody who may ask: one table, held to the router.

use std::collections::BTreeSet;
use std::time::Duration;

use anteroom::accounts::Role;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::app::{HOUR, Kind, MINUTE, OTHER_PASSWORD, PASSWORD, TestApp};
use crate::harness::browser::{Answer, Browser};
use crate::harness::mailbox::Mailbox;
use crate::openapi::every_route;
use crate::passkeys;
use crate::second_factors::set_up;
use crate::tokens;

/// What each is told who sends the request that [`complete`] makes of the route: a status, or the
/// page that a 303 leads to instead of doing anything. `{file}` is no file of this release.
const TABLE: &str = "
GET    /                                 200   200   200   200   200   200   200
GET    /signup                           200   200   200   303   303   303   303
POST   /signup                           303   303   303   303   303   303   303
GET    /login                            200   200   200   303   303   303   303
POST   /login                            303   303   303   303   303   303   303
GET    /login/second-factor              login login login 303   303   303   303
POST   /login/second-factor              login login login 303   303   303   303
GET    /logout                           login login login 200   200   200   200
POST   /logout                           login login login login login login login
GET    /setup                            404   404   404   404   404   404   404
POST   /setup                            404   404   404   404   404   404   404
GET    /invitation                       404   404   404   404   404   404   404
POST   /invitation                       404   404   404   404   404   404   404
GET    /auth/continue                    400   400   400   400   400   400   400
GET    /.anteroom/callback               421   421   421   421   421   421   421
POST   /.anteroom/sign-out               421   421   421   421   421   421   421
GET    /.anteroom/assets/{file}          421   421   421   421   421   421   421
GET    /.anteroom/{*rest}                421   421   421   421   421   421   421
GET    /signup/sent                      404   404   404   404   404   404   404
GET    /recover                          200   200   200   200   200   200   200
POST   /recover                          303   303   303   303   303   303   303
GET    /recover/sent                     200   200   200   200   200   200   200
GET    /recover/confirm                  410   410   410   410   410   410   410
POST   /recover/confirm                  410   410   410   410   410   410   410
GET    /verify-email                     410   410   410   410   410   410   410
POST   /verify-email                     410   410   410   410   410   410   410
GET    /verify-email/done                200   200   200   200   200   200   200
GET    /cancel-email-change              410   410   410   410   410   410   410
POST   /cancel-email-change              410   410   410   410   410   410   410
GET    /cancel-email-change/done         200   200   200   200   200   200   200
GET    /account/verification             303   303   303   303   303   303   303
POST   /account/verification             login login login 303   303   303   303
GET    /account                          login login login 200   200   200   200
GET    /account/profile                  login login login 200   200   200   200
POST   /account/profile                  login login login 303   reauthenticate 303 reauthenticate
GET    /account/password                 303   303   303   303   303   303   303
POST   /account/password                 login login login 303   303   303   303
GET    /account/second-factor            login login login 200   200   200   200
GET    /account/second-factor/set-up     login login login 200   reauthenticate 200 reauthenticate
POST   /account/second-factor/set-up     login login login 303   reauthenticate 303 reauthenticate
GET    /account/second-factor/begin      303   303   303   303   303   303   303
POST   /account/second-factor/begin      login login login 303   reauthenticate 303 reauthenticate
GET    /account/second-factor/remove     303   303   303   303   303   303   303
POST   /account/second-factor/remove     login login login 404   reauthenticate 404 reauthenticate
GET    /account/second-factor/recovery-codes 303 303 303 303 303 303 303
POST   /account/second-factor/recovery-codes login login login 404 reauthenticate 404 reauthenticate
GET    /account/second-factor/passkeys   303   303   303   303   303   303   303
POST   /account/second-factor/passkeys   login login login 400   reauthenticate 400 reauthenticate
GET    /account/second-factor/passkeys/{id}/rename 303 303 303 303 303 303 303
POST   /account/second-factor/passkeys/{id}/rename login login login 404 404 404 404
GET    /account/second-factor/passkeys/{id}/remove 303 303 303 303 303 303 303
POST   /account/second-factor/passkeys/{id}/remove login login login 404 reauthenticate 404 reauthenticate
GET    /account/activity                 login login login 200   200   200   200
GET    /account/remembered               login login login 200   200   200   200
GET    /account/applications             login login login 200   200   200   200
GET    /account/applications/{id}/withdraw 303 303 303 303 303 303 303
POST   /account/applications/{id}/withdraw login login login 404 404 404 404
GET    /account/delete                   login login login 200   reauthenticate 200 reauthenticate
POST   /account/delete                   login login login login reauthenticate login reauthenticate
GET    /account/sessions                 login login login 200   200   200   200
GET    /account/sessions/revoke-others   303   303   303   303   303   303   303
POST   /account/sessions/revoke-others   login login login 303   303   303   303
GET    /account/sessions/revoke-all      303   303   303   303   303   303   303
POST   /account/sessions/revoke-all      login login login login login login login
GET    /account/sessions/{id}/revoke     303   303   303   303   303   303   303
POST   /account/sessions/{id}/revoke     login login login login login login login
GET    /reauthenticate                   login login login 200   200   200   200
POST   /reauthenticate                   login login login 303   303   303   303
GET    /.well-known/change-password      303   303   303   303   303   303   303
GET    /preferences                      303   303   303   303   303   303   303
POST   /preferences                      303   303   303   303   303   303   303
GET    /admin                            login login login 404   404   200   200
GET    /admin/users                      login login login 404   404   200   200
POST   /admin/users                      login login login 404   404   201   reauthenticate
GET    /admin/users/{id}                 login login login 404   404   200   200
POST   /admin/users/{id}                 login login login 404   404   303   reauthenticate
GET    /admin/users/{id}/delete          303   303   303   303   303   303   303
POST   /admin/users/{id}/delete          login login login 404   404   303   reauthenticate
GET    /admin/users/{id}/invitation      303   303   303   303   303   303   303
POST   /admin/users/{id}/invitation      login login login 404   404   201   reauthenticate
GET    /admin/users/{id}/reset-factors   303   303   303   303   303   303   303
POST   /admin/users/{id}/reset-factors   login login login 404   404   303   reauthenticate
GET    /admin/users/{id}/revoke-sessions 303   303   303   303   303   303   303
POST   /admin/users/{id}/revoke-sessions login login login 404   404   303   303
GET    /admin/sessions                   login login login 404   404   200   200
GET    /admin/sessions/{id}              login login login 404   404   200   200
GET    /admin/sessions/{id}/revoke       303   303   303   303   303   303   303
POST   /admin/sessions/{id}/revoke       login login login 404   404   login login
GET    /admin/applications               login login login 404   404   200   200
GET    /admin/audit                      login login login 404   404   200   200
GET    /admin/mail                       login login login 404   404   200   200
GET    /admin/clients                    login login login 404   404   200   200
POST   /admin/clients                    login login login 404   404   201   reauthenticate
GET    /admin/clients/{id}               login login login 404   404   200   200
GET    /admin/clients/{id}/secret        303   303   303   303   303   303   303
POST   /admin/clients/{id}/secret        login login login 404   404   200   reauthenticate
GET    /admin/clients/{id}/remove        303   303   303   303   303   303   303
POST   /admin/clients/{id}/remove        login login login 404   404   303   reauthenticate
POST   /api/signup                       201   201   201   201   201   201   201
GET    /api/session                      401   401   401   200   200   200   200
POST   /api/session                      200   200   200   200   200   200   200
DELETE /api/session                      204   204   204   204   204   204   204
POST   /api/session/second-factor        401   401   401   401   401   401   401
POST   /api/session/passkey/options      200   200   200   404   404   404   404
POST   /api/session/passkey              401   401   401   401   401   401   401
POST   /api/session/reauthenticate       401   401   401   200   200   200   200
POST   /api/session/token                401   401   401   200   200   200   200
GET    /api/session/data                 200   200   401   200   200   200   200
PATCH  /api/session/data                 200   200   401   200   200   200   200
GET    /api/session/events               401   401   401   200   200   200   200
GET    /api/sessions                     401   401   401   200   200   200   200
DELETE /api/sessions                     401   401   401   200   200   200   200
DELETE /api/sessions/{id}                401   401   401   204   204   204   204
GET    /api/account                      401   401   401   200   200   200   200
PATCH  /api/account                      401   401   401   202   403   202   403
DELETE /api/account                      401   401   401   204   403   204   403
PUT    /api/account/password             401   401   401   204   204   204   204
POST   /api/account/email/verification   401   401   401   409   409   409   409
POST   /api/email/verify                 410   410   410   410   410   410   410
POST   /api/recovery                     202   202   202   202   202   202   202
POST   /api/recovery/confirm             410   410   410   410   410   410   410
GET    /api/account/factors              401   401   401   200   200   200   200
POST   /api/account/totp                 401   401   401   201   403   201   403
DELETE /api/account/totp                 401   401   401   404   403   404   403
POST   /api/account/totp/confirm         401   401   401   404   403   404   403
POST   /api/account/recovery-codes       401   401   401   404   403   404   403
POST   /api/account/passkeys/options     401   401   401   200   403   200   403
POST   /api/account/passkeys             401   401   401   403   403   403   403
PATCH  /api/account/passkeys/{id}        401   401   401   404   404   404   404
DELETE /api/account/passkeys/{id}        401   401   401   404   403   404   403
GET    /api/account/applications         401   401   401   200   200   200   200
DELETE /api/account/applications/{id}    401   401   401   404   404   404   404
GET    /api/account/data                 401   401   401   200   200   200   200
GET    /api/admin/users                  401   401   401   404   404   200   200
POST   /api/admin/users                  401   401   401   404   404   201   403
GET    /api/admin/users/{id}             401   401   401   404   404   200   200
PATCH  /api/admin/users/{id}             401   401   401   404   404   200   403
DELETE /api/admin/users/{id}             401   401   401   404   404   204   403
DELETE /api/admin/users/{id}/factors     401   401   401   404   404   204   403
POST   /api/admin/users/{id}/invitation  401   401   401   404   404   201   403
GET    /api/admin/users/{id}/sessions    401   401   401   404   404   200   200
DELETE /api/admin/users/{id}/sessions    401   401   401   404   404   200   200
GET    /api/admin/sessions               401   401   401   404   404   200   200
GET    /api/admin/sessions/{id}          401   401   401   404   404   200   200
DELETE /api/admin/sessions/{id}          401   401   401   404   404   204   204
GET    /api/admin/audit                  401   401   401   404   404   200   200
GET    /api/admin/revocations            401   401   401   404   404   200   200
GET    /api/admin/webhook                401   401   401   404   404   200   200
GET    /api/admin/mail                   401   401   401   404   404   200   200
GET    /api/admin/clients                401   401   401   404   404   200   200
POST   /api/admin/clients                401   401   401   404   404   201   403
GET    /api/admin/clients/{id}           401   401   401   404   404   200   200
DELETE /api/admin/clients/{id}           401   401   401   404   404   204   403
POST   /api/admin/clients/{id}/secret    401   401   401   404   404   200   403
GET    /api/admin/audit/export           401   401   401   404   404   200   200
GET    /api/admin/figures                401   401   401   404   404   200   200
GET    /auth/verify                      401   401   401   200   200   200   200
GET    /auth/verify/redirect             401   401   401   200   200   200   200
GET    /oauth/authorize                  400   400   400   400   400   400   400
POST   /oauth/authorize                  303   303   303   303   303   303   303
GET    /oauth/consent                    303   303   303   303   303   303   303
POST   /oauth/consent                    400   400   400   400   400   400   400
POST   /oauth/token                      401   401   401   401   401   401   401
GET    /oauth/userinfo                   401   401   401   401   401   401   401
POST   /oauth/userinfo                   401   401   401   401   401   401   401
GET    /.well-known/openid-configuration 200   200   200   200   200   200   200
GET    /oauth/jwks                       200   200   200   200   200   200   200
POST   /oauth/introspect                 401   401   401   401   401   401   401
POST   /oauth/revoke                     401   401   401   401   401   401   401
GET    /.well-known/oauth-authorization-server 200 200 200 200 200 200 200
GET    /healthz                          200   200   200   200   200   200   200
GET    /readyz                           200   200   200   200   200   200   200
GET    /openapi.json                     200   200   200   200   200   200   200
GET    /assets/{file}                    404   404   404   404   404   404   404
";

/// Who asks, in the order of the table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    /// Has an anonymous session.
    Visitor,
    /// Was signed in until the session timed out.
    Ended,
    User,
    /// Signed in, with a proof that is no longer fresh.
    StaleUser,
    Admin,
    StaleAdmin,
}

const EVERYBODY: [Who; 7] =
    [Who::Nobody, Who::Visitor, Who::Ended, Who::User, Who::StaleUser, Who::Admin, Who::StaleAdmin];

struct Row {
    method: Method,
    path: &'static str,
    answers: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let row = |line: &'static str| {
        let mut words = line.split_whitespace();
        let method = words.next().unwrap().parse().unwrap();
        let path = words.next().unwrap();
        let answers: Vec<_> = words.collect();
        assert_eq!(answers.len(), EVERYBODY.len(), "{line}");
        Row { method, path, answers }
    };
    TABLE.lines().filter(|line| !line.trim().is_empty()).map(row).collect()
}

/// The fields that let the request succeed for whoever may send it.
fn fields(method: &Method, path: &str, n: usize) -> Value {
    let new = format!("new{n}@example.org");
    match (method.as_str(), path) {
        ("POST", "/signup" | "/api/signup") => json!({ "email": new, "password": PASSWORD }),
        ("POST", "/login" | "/api/session") => {
            json!({ "email": "known@example.org", "password": PASSWORD })
        }
        ("POST", "/reauthenticate" | "/api/session/reauthenticate") => {
            json!({ "password": PASSWORD })
        }
        ("POST", "/account/password") | ("PUT", "/api/account/password") => {
            json!({ "current_password": PASSWORD, "new_password": OTHER_PASSWORD })
        }
        ("POST", "/api/session/second-factor" | "/api/account/totp/confirm") => {
            json!({ "code": "000000" })
        }
        ("POST", "/account/second-factor/passkeys/{id}/rename")
        | ("PATCH", "/api/account/passkeys/{id}") => json!({ "name": "Phone" }),
        ("POST", "/api/session/passkey") => json!({ "credential": credential(false) }),
        ("POST", "/api/account/passkeys") => json!({ "credential": credential(true) }),
        ("POST", "/account/profile") => json!({ "email": new, "name": "Ada" }),
        ("POST", "/recover" | "/api/recovery") => json!({ "email": "known@example.org" }),
        ("POST", "/api/email/verify") => json!({ "token": "A".repeat(43) }),
        ("POST", "/recover/confirm" | "/api/recovery/confirm") => {
            json!({ "token": "A".repeat(43), "new_password": OTHER_PASSWORD })
        }
        ("POST", "/account/delete") => json!({ "confirm": "true" }),
        ("POST", "/oauth/introspect" | "/oauth/revoke") => json!({ "token": "x" }),
        ("POST", "/preferences") => json!({ "theme": "dark" }),
        ("POST", "/admin/users/{id}") => json!({ "name": "Countess" }),
        ("POST", "/admin/users/{id}/delete" | "/admin/clients/{id}/remove") => {
            json!({ "sure": "true" })
        }
        ("POST", "/admin/clients" | "/api/admin/clients") => {
            json!({ "name": format!("new {n}") })
        }
        ("POST", "/invitation") => json!({ "token": "A".repeat(43), "password": PASSWORD }),
        ("POST", "/setup") => json!({ "token": "A".repeat(43), "email": new }),
        ("PATCH", "/api/account" | "/api/admin/users/{id}")
        | ("POST", "/api/admin/users" | "/admin/users") => json!({ "email": new }),
        ("PATCH", _) => json!({ "a": 1 }),
        _ => json!({}),
    }
}

/// The answer of an authenticator to a challenge that nobody gave.
fn credential(is_new: bool) -> Value {
    let mut key = anteroom::accounts::SoftwareKey::new("http://localhost");
    if is_new { key.register(&json!({}), &[]) } else { key.prove(&json!({}), &[]) }
}

/// Pages take forms, the API takes JSON.
fn complete(request: RequestBuilder, path: &str, fields: &Value) -> RequestBuilder {
    if path.starts_with("/api/") {
        return request.json(fields);
    }
    let fields = fields.as_object().unwrap();
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    let body = form.extend_pairs(fields.iter().map(|(name, v)| (name, v.as_str().unwrap())));
    request.header("Content-Type", "application/x-www-form-urlencoded").body(body.finish())
}

/// A browser of whoever asks, and the id that goes into the path: of another account, of a client,
/// or of a session of one's own.
async fn person(app: &TestApp, who: Who, path: &str, n: usize) -> (Browser, String) {
    let email = format!("{}{n}@example.org", format!("{who:?}").to_lowercase());
    let browser = match who {
        Who::Nobody => app.browser(),
        Who::Visitor => {
            let visitor = app.browser();
            // So many in a minute would be too many of one network.
            app.pass(Duration::from_secs(3)).await;
            assert_eq!(visitor.patch("/api/session/data", json!({ "b": 2 })).await.status, 200);
            visitor
        }
        Who::Admin | Who::StaleAdmin => app.administrator(&email).await,
        Who::Ended | Who::User | Who::StaleUser => app.signed_in(&email).await,
    };
    let signed_in = !matches!(who, Who::Nobody | Who::Visitor);
    let id = if path.contains("/clients/") {
        tokens::register(app, &format!("client {n}"), None).await.id
    } else if path.contains("/users/") || !signed_in {
        app.add(&format!("{who:?}-other{n}@example.org"), Role::User).await.user.id.to_string()
    } else {
        browser.session_id().await
    };
    (browser, id)
}

fn request_of(browser: &Browser, row: &Row, id: &str, n: usize) -> RequestBuilder {
    let request = browser.request(row.method.clone(), &row.path.replace("{id}", id));
    if row.method == Method::GET {
        return request;
    }
    complete(request, row.path, &fields(&row.method, row.path, n))
}

async fn answer_of(request: RequestBuilder) -> String {
    // Not read to its end: the stream of events has none.
    let answer = request.send().await.unwrap();
    let location = answer.headers().get("location").map_or("", |to| to.to_str().unwrap());
    let page = ["login", "reauthenticate"]
        .into_iter()
        .find(|page| location.trim_start_matches('/').starts_with(page));
    page.map_or_else(|| answer.status().as_u16().to_string(), str::to_owned)
}

/// The answers of one column.
async fn column(who: Who) -> Vec<String> {
    let mailbox = Mailbox::open().await;
    let set = |options: &mut anteroom::Options| options.mail = Some(mailbox.options());
    let app = TestApp::start_with(Kind::Database, set).await;
    app.add("known@example.org", Role::User).await;
    app.add("one-more@example.org", Role::Admin).await;
    tokens::register(&app, "Pages", None).await;
    let rows = rows();
    let mut people = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        people.push(person(&app, who, row.path, n).await);
    }
    app.pass(match who {
        Who::Ended => HOUR,
        Who::StaleUser | Who::StaleAdmin => 10 * MINUTE,
        _ => MINUTE,
    })
    .await;
    let mut answers = Vec::new();
    for (n, (row, (browser, id))) in rows.iter().zip(&people).enumerate() {
        answers.push(answer_of(request_of(browser, row, id, n)).await);
    }
    answers
}

#[tokio::test]
async fn every_answer_of_the_table_is_in_the_description() {
    let app = TestApp::start(Kind::Memory).await;
    let description = app.browser().get("/openapi.json").await.json();
    for row in rows() {
        let Some(methods) = description["paths"].get(row.path) else { continue };
        let method = row.method.as_str().to_lowercase();
        for answer in row.answers {
            let described = &methods[&method]["responses"][answer];
            assert!(described.is_object(), "{method} {} {answer}", row.path);
        }
    }
}

#[test]
fn adm_1_the_table_has_every_route_of_the_router() {
    let listed: BTreeSet<_> = rows()
        .iter()
        .map(|row| (row.method.as_str().to_lowercase(), row.path.to_owned()))
        .collect();

    assert_eq!(listed, every_route());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn adm_1_every_route_answers_each_caller_as_the_table_says() {
    let columns = futures_util::future::join_all(EVERYBODY.map(column)).await;

    let rows = rows();
    let mut found = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        let answers: Vec<&str> = columns.iter().map(|column| &*column[n]).collect();
        if answers != row.answers {
            let answers: Vec<_> = answers.iter().map(|answer| format!("{answer:<5}")).collect();
            let (method, answers) = (row.method.as_str(), answers.join(" "));
            found.push(format!("{method:<6} {:<32} {}", row.path, answers.trim_end()));
        }
    }
    assert!(found.is_empty(), "these rows are answered otherwise:\n{}", found.join("\n"));
}

#[tokio::test]
async fn every_address_of_a_form_leads_to_the_page_that_the_form_is_on() {
    let mailbox = Mailbox::open().await;
    let set = |options: &mut anteroom::Options| options.mail = Some(mailbox.options());
    let app = TestApp::start_with(Kind::Memory, set).await;
    let root = app.administrator("root@example.org").await;
    let user = app.add("ada@example.org", Role::User).await.user.id.to_string();
    // An account without sessions has no form that ends them.
    set_up(&app, &app.signed_in("ada@example.org").await).await;
    let (authenticator, _) = set_up(&app, &root).await;
    let added = passkeys::add(&root, &mut passkeys::key(&app)).await;
    let passkey = added["passkey"]["id"].as_str().unwrap().to_owned();
    let phone = authenticator.sign_in(&app, "root@example.org", PASSWORD).await;
    let phone = phone.session_id().await;
    assert_eq!(root.post("/api/account/totp", json!({})).await.status, 201);
    let client = tokens::register(&app, "Orders", None).await.id;
    for row in rows() {
        // What is at applications is at no address of this host.
        let is_elsewhere = row.path.starts_with("/.anteroom/");
        let is_api = ["/api/", "/oauth/"].iter().any(|area| row.path.starts_with(area));
        if row.method != Method::POST || is_api || is_elsewhere {
            continue;
        }
        let id = match row.path {
            path if path.contains("/users/") => &user,
            path if path.contains("/passkeys/") => &passkey,
            path if path.contains("/clients/") => &client,
            _ => &phone,
        };
        let address = row.path.replace("{id}", id);
        for method in [Method::GET, Method::HEAD] {
            let answer = root.ask(method.clone(), &address, |request| request).await;
            assert_ne!(answer.status, 405, "{method} {address}");
        }
        let mut answer = root.get(&address).await;
        // Forms of strangers lead whoever is signed in to their account.
        let for_strangers = ["/login", "/login/second-factor", "/signup", "/setup", "/invitation"];
        // Forms that are shown for a link that works, or to somebody whose address is not verified.
        let for_some = [
            "/recover/confirm",
            "/verify-email",
            "/cancel-email-change",
            "/account/verification",
            "/account/applications/{id}/withdraw",
        ];
        if for_strangers.contains(&row.path) || for_some.contains(&row.path) {
            continue;
        }
        if answer.status == 303 {
            answer = root.get(answer.location()).await;
        }
        assert_eq!(answer.status, 200, "{address}");
        let action = format!("action=\"{address}\"");
        assert!(answer.text.contains(&action), "{address}: {}", answer.text);
    }
    let password = root.get("/.well-known/change-password").await;
    assert_eq!((password.status, password.location()), (303, "/account"));
    let stranger = app.browser().get(password.location()).await;
    assert_eq!(stranger.location(), "/login?next=/account");
}

#[tokio::test]
async fn csrf_9_a_method_that_the_table_lacks_is_refused_to_everybody() {
    let app = TestApp::start(Kind::Memory).await;
    let people = [app.browser(), app.administrator("root@example.org").await];
    let rows = rows();
    for path in rows.iter().map(|row| row.path).collect::<BTreeSet<_>>() {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            let method: Method = method.parse().unwrap();
            let is_listed = rows.iter().any(|row| row.path == path && row.method == method);
            // A proxy asks it by the method of the request that it asks about.
            if is_listed || path.starts_with("/auth/verify") || path.starts_with("/.anteroom/") {
                continue;
            }
            for browser in &people {
                let answer = browser.ask(method.clone(), path, |request| request).await;
                assert_eq!(answer.status, 405, "{method} {path}");
                assert!(!answer.header("allow").is_empty(), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn csrf_4_every_change_is_refused_to_another_site() {
    let app = TestApp::start(Kind::Database).await;
    let root = app.administrator("root@example.org").await;
    let id = app.add("ada@example.org", Role::User).await.user.id.to_string();
    let before = everything(&app).await;
    // A request for a code may come from any site, and only leads back here.
    let is_open = |path: &str| path.starts_with("/.anteroom/") || path == "/oauth/authorize";
    let is_change = |row: &Row| row.method != Method::GET && !is_open(row.path);
    for (n, row) in rows().iter().enumerate().filter(|(_, row)| is_change(row)) {
        for (name, value) in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "https://evil.example"),
            ("Origin", "null"),
        ] {
            let request = request_of(&root, row, &id, n).header(name, value);
            let answer = Answer::read(request.send().await.unwrap()).await;
            assert_eq!(answer.status, 403, "{} {} from {value}", row.method, row.path);
            assert_eq!(answer.set_cookies().len(), 0);
        }
    }
    assert_eq!(everything(&app).await, before);
}

#[tokio::test]
async fn csrf_8_looking_at_any_path_changes_nothing() {
    let app = TestApp::start(Kind::Database).await;
    let root = app.administrator("root@example.org").await;
    let other = app.administrator("root@example.org").await;
    let id = app.add("ada@example.org", Role::User).await.user.id.to_string();
    let before = everything(&app).await;
    for path in rows().iter().map(|row| row.path).filter(|path| !path.ends_with("/events")) {
        for id in [&*id, &other.session_id().await] {
            let path = format!("{}?_method=DELETE&password=x", path.replace("{id}", id));
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                let shape = |request: RequestBuilder| {
                    request.header("X-HTTP-Method-Override", "DELETE").header("X-Method", "POST")
                };
                let answer = root.ask(method.clone(), &path, shape).await;
                assert_eq!(answer.set_cookies().len(), 0, "{method} {path}");
            }
        }
    }
    assert_eq!(everything(&app).await, before);
}

/// Accounts and sessions, but when they were last seen.
async fn everything(app: &TestApp) -> (Vec<anteroom::accounts::Account>, Vec<String>) {
    let listing = anteroom::accounts::Listing { limit: 200, ..Default::default() };
    let accounts = app.anteroom.accounts().list(&listing).await.unwrap().accounts;
    let sessions = app.live_sessions().await;
    (accounts, sessions.iter().map(|session| session.id.to_string()).collect())
}
