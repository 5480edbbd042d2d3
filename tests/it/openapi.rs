//! The description says what the router does: no more and no less.

use std::collections::BTreeSet;

use anteroom::accounts::Role;
use reqwest::Method;
use serde_json::Value;

use crate::harness::app::{Kind, TestApp};

const VERBS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn described(description: &Value) -> BTreeSet<(String, String)> {
    let mut operations = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|m| VERBS.contains(&&***m)) {
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
        ["/api/", "/auth/verify"].iter().any(|root| path.starts_with(root))
            || ["/healthz", "/readyz", "/openapi.json"].contains(&path)
    };
    every_route().into_iter().filter(|(_, path)| for_programs(path)).collect()
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

#[tokio::test]
async fn every_operation_described_is_there() {
    let app = TestApp::start(Kind::Database).await;
    let description = app.browser().get("/openapi.json").await.json();
    for (n, (method, path)) in described(&description).into_iter().enumerate() {
        let ada = app.add(&format!("ada{n}@example.org"), Role::User).await;
        let root = app.administrator("root@example.org").await;
        let id = if path.contains("/users/") {
            ada.user.id.to_string()
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
