//! The errors of every operation: those that its handler describes, and those of the layers around
//! all handlers, each with an example.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::http::endpoints::operations::openapi::members;
use crate::http::endpoints::operations::openapi::samples::sample;
use crate::http::response::error::Code;
use crate::http::response::json::ProblemBody;
use crate::http::routes;

const PROBLEM: &str = "#/components/schemas/Problem";

/// Describes the errors of an operation. A status that only layers answer is described once, in
/// `shared`.
pub(super) fn describe(path: &str, operation: &mut Value, shared: &mut Map<String, Value>) {
    let responses = &mut operation["responses"];
    for (status, response) in members(responses) {
        let described = &response["content"]["application/json"]["schema"]["$ref"];
        if described == PROBLEM {
            let about = response["description"].as_str().unwrap_or_default();
            let codes = about.split('`').skip(1).step_by(2).filter_map(code).collect::<Vec<_>>();
            *response = error(status, about, &codes);
        }
    }
    for (status, mut codes) in of_layers(path) {
        let status = status.as_str().to_owned();
        let response = &mut responses[&status];
        if response.is_null() {
            let name = format!("{}_{status}", words(&codes).join("_"));
            *response = json!({ "$ref": format!("#/components/responses/{name}") });
            let about = words(&codes).iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
            shared.entry(name).or_insert_with(|| error(&status, &about.join(" or "), &codes));
            continue;
        }
        codes.retain(|code| !has(response, *code));
        let mut about = response["description"].as_str().unwrap_or_default().to_owned();
        for (number, word) in words(&codes).into_iter().enumerate() {
            about += if number == 0 { "; also `" } else { ", `" };
            about.extend([word, "`"]);
        }
        response["description"] = about.into();
        add_examples(&status, response, &codes);
    }
}

/// The errors of the layers around the handler of a path.
fn of_layers(path: &str) -> BTreeMap<StatusCode, Vec<Code>> {
    let mut found = vec![(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal)];
    if !routes::is_probe(path) {
        found.push((StatusCode::BAD_REQUEST, Code::Misdirected));
    }
    if routes::is_check(path) {
        found.push((StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable));
    } else {
        // The request guard.
        found.extend([
            (StatusCode::FORBIDDEN, Code::CrossOrigin),
            (StatusCode::PAYLOAD_TOO_LARGE, Code::BodyTooLarge),
            (StatusCode::URI_TOO_LONG, Code::InvalidInput),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::UnsupportedMediaType),
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, Code::InvalidInput),
        ]);
        if !routes::is_probe(path) {
            found.push((StatusCode::MISDIRECTED_REQUEST, Code::Misdirected));
        }
    }
    if path.starts_with("/oauth/") {
        // The clients are read.
        found.push((StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable));
    }
    if path.starts_with("/api/") {
        // The body and the query are read, and the session is looked up.
        found.extend([
            (StatusCode::BAD_REQUEST, Code::MalformedBody),
            (StatusCode::REQUEST_TIMEOUT, Code::MalformedBody),
            (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
        ]);
    }
    let mut by_status = BTreeMap::<_, Vec<Code>>::new();
    for (status, code) in found {
        by_status.entry(status).or_default().push(code);
    }
    by_status
}

/// The code that a word of a description is, if it is one.
fn code(word: &str) -> Option<Code> {
    serde_json::from_value(word.into()).ok()
}

fn words(codes: &[Code]) -> Vec<&'static str> {
    codes.iter().map(|code| code.as_str()).collect()
}

fn has(response: &Value, code: Code) -> bool {
    response["content"]["application/problem+json"]["examples"].get(code.as_str()).is_some()
}

fn error(status: &str, about: &str, codes: &[Code]) -> Value {
    let mut response = json!({
        "description": about,
        "content": { "application/problem+json": { "schema": { "$ref": PROBLEM } } },
    });
    if ["429", "503"].contains(&status) {
        response["headers"]["Retry-After"] = json!({
            "description": "Seconds to wait",
            "required": true,
            "schema": { "type": "integer", "minimum": 1 },
            "example": 1,
        });
    }
    add_examples(status, &mut response, codes);
    response
}

fn add_examples(status: &str, response: &mut Value, codes: &[Code]) {
    let Ok(status) = status.parse::<StatusCode>() else { return };
    let examples = &mut response["content"]["application/problem+json"]["examples"];
    for code in codes {
        let body = ProblemBody::new(&sample(*code, status), "0011223344556677");
        examples[code.as_str()]["value"] = json!(body);
    }
}
