//! Bodies and queries.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use serde::Deserialize;
use serde_json::Value;

use crate::http::fuzzing::at_once;
use crate::http::request::body::{Form, JsonObject, LARGEST_BODY, MergePatch, present};
use crate::http::request::query::Query;
use crate::http::response::error::Problem;

/// In a value it stands for a password: no refusal may quote it.
const SECRET: &str = "Zq9";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    email: String,
    password: String,
    #[serde(default, deserialize_with = "present")]
    remember_me: Option<bool>,
}

/// A body as a JSON object and as a merge patch: what is accepted is what any reader of JSON would
/// understand by it, and what is refused is not repeated.
pub(crate) fn json(input: &[u8]) {
    let media_type = HeaderValue::from_static("application/json; charset=utf-8");
    let asked = || {
        let mut request = Request::new(Body::from(input.to_vec()));
        request.headers_mut().insert(header::CONTENT_TYPE, media_type.clone());
        request
    };
    let understood = serde_json::from_slice::<Value>(input).ok();
    let object = at_once(JsonObject::<Sample>::from_request(asked(), &()));
    let patch = at_once(MergePatch::from_request(asked(), &()));
    match (&patch, &understood) {
        (Ok(MergePatch(patch)), Some(value)) => {
            assert!(patch.is_object() && patch == value && input.len() <= LARGEST_BODY);
        }
        (Ok(_), None) => panic!("no other reader of JSON understands it"),
        (Err(problem), _) => assert_explained(problem),
    }
    match object {
        Ok(JsonObject(sample)) => {
            let Ok(MergePatch(value)) = &patch else { panic!("a field was there twice") };
            assert_eq!(value["email"], sample.email.as_str());
            assert_eq!(value["password"], sample.password.as_str());
            assert_eq!(value.get("remember_me").and_then(Value::as_bool), sample.remember_me);
            let fields = 2 + usize::from(sample.remember_me.is_some());
            assert_eq!(value.as_object().map(serde_json::Map::len), Some(fields));
        }
        Err(problem) => {
            assert_explained(&problem);
            let named = understood.as_ref().and_then(Value::as_object);
            let named = named.is_some_and(|map| map.keys().any(|key| key.contains(SECRET)));
            if understood.is_some() && !named {
                assert!(!problem.detail.contains(SECRET), "{}", problem.detail);
            }
        }
    }
}

fn assert_explained(problem: &Problem) {
    let known = [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE];
    assert!(known.contains(&problem.status) && !problem.detail.is_empty(), "{problem:?}");
}

/// A form: the fields that any other reader finds, each once.
pub(crate) fn form(input: &[u8]) {
    let others: Vec<(String, String)> = url::form_urlencoded::parse(input).into_owned().collect();
    let names: BTreeSet<_> = others.iter().map(|(name, _)| name).collect();
    match Form::parse(input) {
        Ok(form) => {
            assert!(names.len() == others.len() && others.len() <= 64);
            for (name, value) in &others {
                assert_eq!(form.find(name), Some(value.as_str()));
                assert_eq!(form.get(name), value);
                let ticked = ["on", "true", "1", "yes"].contains(&value.as_str());
                assert_eq!(form.ticked(name), ticked);
            }
            assert_eq!(
                form.find("no such field").is_some(),
                names.contains(&"no such field".to_owned())
            );
        }
        Err(problem) => {
            assert_explained(&problem);
            let lossy =
                others.iter().any(|(n, v)| n.contains('\u{FFFD}') || v.contains('\u{FFFD}'));
            assert!(lossy || names.len() < others.len() || others.len() > 64, "{problem:?}");
        }
    }
}

/// A query: `limit` is 1 to 200 in digits, a switch is `true` or `false`.
pub(crate) fn query(input: &[u8]) {
    let Ok(uri) = Uri::try_from([b"/?", input].concat()) else { return };
    let text = uri.query().unwrap_or_default().to_owned();
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri;
    let (mut parts, _) = request.into_parts();
    let Ok(query) = at_once(Query::from_request_parts(&mut parts, &())) else {
        return assert!(Form::parse(text.as_bytes()).is_err());
    };
    let limit = query.find("limit");
    match (query.limit(), limit) {
        (Ok(50), None) => {}
        (Ok(found), Some(text)) => {
            assert!(
                (1..=200).contains(&found) && text.trim_start_matches('0') == found.to_string()
            );
        }
        (Err(problem), Some(text)) => {
            assert_eq!(problem.status, StatusCode::BAD_REQUEST);
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            assert!(!digits || !(1..=200).contains(&text.parse::<u128>().unwrap_or(u128::MAX)));
        }
        (found, text) => panic!("{found:?} of {text:?}"),
    }
    let switch = query.switch("include_current").ok();
    assert_eq!(
        switch,
        match query.find("include_current") {
            None | Some("false") => Some(false),
            Some("true") => Some(true),
            Some(_) => None,
        }
    );
}
