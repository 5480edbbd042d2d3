//! The description says what the router does: no more and no less.

use std::collections::BTreeSet;

use anteroom::Options;
use anteroom::accounts::Role;
use anteroom::tokens::NewClient;
use reqwest::Method;
use serde_json::{Map, Value};

use crate::code_flow;
use crate::harness::app::{Kind, TestApp};
use crate::harness::browser::Browser;
use crate::harness::mailbox::Mailbox;
use crate::passkeys;
use crate::second_factors::set_up;
use crate::tokens;

const VERBS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// Of a path that takes every method.
const ALL_METHODS: [&str; 9] =
    ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

fn described(description: &Value) -> BTreeSet<(String, String)> {
    let mut operations = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            operations.insert((method.clone(), path.clone()));
        }
    }
    operations
}

/// Every route, as the text of the router names it.
pub fn every_route() -> BTreeSet<(String, String)> {
    let source = include_str!("../../src/http/router.rs");
    let mut operations = BTreeSet::new();
    for route in source.split(".route(").skip(1) {
        let path = route.split('"').nth(1).unwrap();
        // Up to where the call closes.
        let mut depth = 1;
        let end = route.find(|c| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0
        });
        // What takes every method is described by the usual one.
        let handlers = route[..end.unwrap()].replace(" any(", " get(");
        for verb in VERBS {
            let begins = [format!(" {verb}("), format!(".{verb}("), format!("({verb}(")];
            if begins.iter().any(|begin| handlers.contains(begin)) {
                operations.insert((verb.to_owned(), path.to_owned()));
            }
        }
    }
    operations
}

fn routed_for_programs() -> BTreeSet<(String, String)> {
    let for_programs = |path: &str| {
        let is_page = ["/oauth/authorize", "/oauth/consent"].contains(&path);
        let areas = ["/api/", "/auth/verify", "/oauth/", "/.well-known/o"];
        areas.iter().any(|root| path.starts_with(root)) && !is_page
            || ["/healthz", "/readyz", "/openapi.json"].contains(&path)
    };
    let every_method = |(method, path): (String, String)| {
        let methods = if path.starts_with("/auth/") { &ALL_METHODS[..] } else { &[&*method] };
        methods.iter().map(|method| (String::from(*method), path.clone())).collect::<Vec<_>>()
    };
    let routes = every_route().into_iter().filter(|(_, path)| for_programs(path));
    routes.flat_map(every_method).collect()
}

#[tokio::test]
async fn every_route_for_programs_is_described_and_nothing_else() {
    let app = TestApp::start(Kind::Database).await;
    let answer = app.browser().get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), "application/json");

    let (described, routed) = (described(&answer.json()), routed_for_programs());

    assert!(routed.len() > 20, "the router was not read: {routed:?}");
    assert_eq!(described, routed);
}

/// A new passkey of this user.
async fn passkey_of(app: &TestApp, user: &Browser) -> String {
    let added = passkeys::add(user, &mut passkeys::key(app)).await;
    added["passkey"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_operation_described_is_there() {
    let mailbox = Mailbox::open().await;
    let set = |options: &mut Options| options.mail = Some(mailbox.options());
    let app = TestApp::start_with(Kind::Database, set).await;
    tokens::register(&app, "Pages", None).await;
    let description = app.browser().get("/openapi.json").await.json();
    for (n, (method, path)) in described(&description).into_iter().enumerate() {
        let ada = app.add(&format!("ada{n}@example.org"), Role::User).await;
        let root = app.administrator(&format!("root{n}@example.org")).await;
        if path.contains("/totp") || path.contains("/recovery-codes") {
            set_up(&app, &root).await;
        }
        let id = if path.contains("/users/") {
            ada.user.id.to_string()
        } else if path.contains("/passkeys/") {
            passkey_of(&app, &root).await
        } else if path.contains("/applications/") {
            let name = format!("application {n}");
            let new = NewClient { name, is_trusted: false, ..code_flow::trusted() };
            let client = code_flow::add(&app, new).await;
            assert_eq!(code_flow::consent_to(&root, &client.id).await.status, 303);
            client.id
        } else if path.contains("/clients/") {
            tokens::register(&app, &format!("client {n}"), None).await.id
        } else {
            root.session_id().await
        };
        let asked = path.replace("{id}", &id);
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let request = root.request(method.clone(), &asked).send().await.unwrap();
        let status = request.status().as_u16();
        assert!(![404, 405].contains(&status) && status < 500, "{method} {path}: {status}");
    }
}

#[tokio::test]
async fn every_reference_of_the_description_leads_somewhere() {
    let app = TestApp::start(Kind::Database).await;
    let answer = app.browser().get("/openapi.json").await;
    let description = answer.json();
    for reference in answer.text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(description.pointer(pointer).is_some(), "{pointer}");
    }
    for (_, methods) in description["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            assert!(!operation["responses"].as_object().unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn every_operation_has_a_unique_id() {
    let app = TestApp::start(Kind::Memory).await;
    let description = app.browser().get("/openapi.json").await.json();
    let mut ids = BTreeSet::new();
    for (_, methods) in description["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id), "{id}");
        }
    }
}

/// Every example of an error, with the status that has it.
fn examples_of_errors(description: &Value) -> Vec<(u64, &Value)> {
    let mut found = Vec::new();
    let operations = description["paths"].as_object().unwrap().values();
    for operation in operations.flat_map(|methods| methods.as_object().unwrap().values()) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let target = response["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
            let response = target.map_or(response, |target| description.pointer(target).unwrap());
            let status = status.parse().unwrap();
            let form = &response["content"]["application/json"]["schema"]["$ref"];
            let is_of_oauth = form == "#/components/schemas/OAuthErrorBody";
            let examples = &response["content"]["application/problem+json"]["examples"];
            assert!(is_of_oauth || (status >= 400) == examples.is_object(), "{response}");
            // Nothing but problem documents, and the errors of RFC 6749.
            let forms = response["content"].as_object().map_or(0, Map::len);
            assert!(status < 400 || forms == 1 || is_of_oauth, "{response}");
            let examples = examples.as_object().into_iter().flatten();
            found.extend(examples.map(|(_, example)| (status, &example["value"])));
        }
    }
    found
}

#[tokio::test]
async fn every_error_is_described_with_an_example() {
    let app = TestApp::start(Kind::Memory).await;
    let description = app.browser().get("/openapi.json").await.json();
    let mut codes = BTreeSet::new();
    for (status, example) in examples_of_errors(&description) {
        assert_eq!(example["status"], status, "{example}");
        codes.insert(example["code"].as_str().unwrap());
    }
    // A path that lacks the method has no operation that could have it.
    codes.insert("method_not_allowed");
    let known = &description["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
    let known = known.as_array().unwrap().iter().map(|code| code.as_str().unwrap());
    assert_eq!(codes, known.collect());
}

#[tokio::test]
async fn the_cookie_has_the_name_that_the_description_says() {
    for (public_url, name) in
        [("http://localhost", "anteroom"), ("https://auth.example.org", "__Host-anteroom")]
    {
        let set = |options: &mut Options| options.public_url = public_url.into();
        let app = TestApp::start_with(Kind::Memory, set).await;
        let description = app.browser().get("/openapi.json").await.json();
        let described = &description["components"]["securitySchemes"]["session"]["name"];
        assert_eq!(described, name);
        let cookies = app.signed_in("ada@example.org").await.cookies();
        assert!(cookies.starts_with(&format!("{name}=")), "{cookies}");
    }
}
