//! The HTTP API, from the `OpenAPI` description that the server sends.

use std::fmt::Write as _;

use serde_json::Value;

use super::{check, code, sentence, table};
use crate::harness::app::{Kind, TestApp};

const INTRODUCTION: &str = "\
This page is for developers who call the API. `GET /openapi.json` of a running server has the same \
as an OpenAPI description. [Use the API](../api/README.md) begins with examples.

## How the API works
- **Identity.** The session cookie alone decides who calls. Clients keep cookies and send them back. \
A browser on another origin needs `ANTEROOM_TRUSTED_ORIGINS`.
- **Who may call.** Each route says: anyone, users (a session of an account), or administrators. For \
other users, the routes of administrators do not exist: they answer 404.
- **Proof of identity.** A route with 403 `reauthentication_required` needs the password of the last \
ten minutes: `POST /api/session/reauthenticate`. Ending sessions never needs it.
- **Bodies.** Requests and responses are JSON in UTF-8. A request has at most 16 KiB. Unknown fields \
are refused.
- **Errors.** An error is a problem document (RFC 9457) with a stable [`code`](error-codes.md).
- **Ended sessions.** For a day after the end of a session, a 401 has the code `session_ended` and the \
reason. After that it has `no_session`.
- **Lists.** A page has `next_cursor`: send it as `cursor` for the next page. It is `null` on the last \
page.
- **Times** are in UTC, as `2026-11-21T05:08:19Z`. Ids are UUIDs. The token is in the cookie only.

Every route can also answer 400 (a request that cannot be read), 403 `cross_origin`, 408, 413, 414, \
415, 421, 431, 500 and 503 `unavailable`; [error codes](error-codes.md) explains them. A path that \
does not have the method answers 405.
";

const SESSION_DATA: &str = "
A session has one JSON object of at most 8 KiB and 32 levels for the pages of the application. \
Anonymous visitors have one too, and it survives signing in. Servers must not trust it: the browser \
can write it. `PATCH` takes a merge patch (RFC 7396), which removes a member with `null`. Each \
response has an `ETag`. Send it as `If-Match`, and the change is refused with 412 if another tab was \
faster.
";

/// The tags in the order of the page, with a heading and text for each.
const GROUPS: [(&str, &str, &str); 9] = [
    ("session", "Sign-up, sign-in and the session", ""),
    ("sessions", "Sessions of the user", ""),
    ("account", "Account of the user", ""),
    ("recovery", "Mailed links", ""),
    ("data", "Session data", SESSION_DATA),
    ("tokens", "Access tokens", ""),
    ("forward auth", "Checks for proxies", ""),
    ("admin", "Administration", ""),
    ("health", "Health and description", ""),
];

const VERBS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The name of the schema that this one refers to.
fn referred(schema: &Value) -> Option<&str> {
    text(&schema["$ref"]).strip_prefix("#/components/schemas/")
}

/// The type of a field, with a link for an object.
fn form(schema: &Value) -> String {
    if let Some(name) = referred(schema) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    let alternatives = schema["oneOf"].as_array().into_iter().flatten();
    let alternatives: Vec<String> = alternatives.map(form).collect();
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().map(text).collect(),
        one => vec![text(one)],
    };
    match types[..] {
        [""] => alternatives.join(" or "),
        ["array"] => format!("array of {}", form(&schema["items"])),
        _ => types.join(" or "),
    }
}

/// The fields of an object.
fn fields(schema: &Value) -> String {
    let required = schema["required"].as_array().into_iter().flatten().collect::<Vec<_>>();
    let row = |(name, field): (&String, &Value)| {
        let presence = if required.iter().any(|one| *one == name) { "" } else { "optional " };
        // The description of a field that may be an object is with the object.
        let inner = field["oneOf"].as_array().into_iter().flatten().map(|one| &one["description"]);
        let about = [&field["description"]].into_iter().chain(inner).find(|one| one.is_string());
        let about = sentence(about.map(text).unwrap_or_default());
        [code(name), format!("{presence}{}", form(field)), about]
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    table(["field", "type", "meaning"], properties.map(row))
}

fn parameters(operation: &Value) -> String {
    let row = |parameter: &Value| {
        let about = sentence(text(&parameter["description"]));
        [code(text(&parameter["name"])), text(&parameter["in"]).to_owned(), about]
    };
    let listed = operation["parameters"].as_array().into_iter().flatten();
    table(["parameter", "in", "meaning"], listed.map(row))
}

fn answers(operation: &Value) -> String {
    let row = |(status, answer): (&String, &Value)| {
        let content = answer["content"].as_object().into_iter().flatten();
        let content = content.filter(|(kind, _)| *kind != "application/problem+json");
        let bodies = content.map(|(kind, content)| match kind.as_str() {
            "application/json" => form(&content["schema"]),
            other => code(other),
        });
        let body = bodies.collect::<Vec<_>>().join(" or ");
        let headers = answer["headers"].as_object().into_iter().flatten();
        let headers: String = headers
            .map(|(name, header)| {
                [". `", name.as_str(), "`: ", text(&header["description"])].concat()
            })
            .collect();
        [status.to_owned(), sentence(text(&answer["description"])) + &headers, body]
    };
    let listed = operation["responses"].as_object().into_iter().flatten();
    // What refers to a shared response is of every route.
    let own = listed.filter(|(_, answer)| answer["$ref"].is_null());
    table(["status", "response", "body"], own.map(row))
}

fn callers(path: &str, operation: &Value) -> &'static str {
    let unauthorized = text(&operation["responses"]["401"]["description"]);
    if path.starts_with("/api/admin/") {
        "administrators"
    } else if unauthorized.contains("`no_session`") {
        "users"
    } else {
        "anyone"
    }
}

fn describe(page: &mut String, description: &Value, (verb, path): (&str, &str)) {
    let operation = &description["paths"][path][verb];
    let summary = text(&operation["summary"]).replace('\n', " ");
    // It begins with the route.
    let summary = summary.split_once("`: ").map_or(&*summary, |(_, summary)| summary);
    let _ = write!(
        page,
        "\n### {} {path}\n{}.\n\nWho: {}.\n",
        verb.to_uppercase(),
        sentence(summary),
        callers(path, operation)
    );
    if operation["parameters"].is_array() {
        let _ = write!(page, "\n{}", parameters(operation));
    }
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        let media_types: Vec<_> = content.keys().map(|media_type| code(media_type)).collect();
        let _ = write!(page, "\nBody: {}\n", media_types.join(" or "));
        if let Some(name) = content.values().find_map(|body| referred(&body["schema"])) {
            let _ = write!(page, "\n{}", fields(&description["components"]["schemas"][name]));
        }
    }
    let _ = write!(page, "\n{}", answers(operation));
}

/// The routes with a tag, in the order of their paths. One that takes every method is one route.
fn tagged<'d>(description: &'d Value, tag: &str) -> Vec<(&'static str, &'d str)> {
    let paths = description["paths"].as_object().unwrap();
    let mut found = Vec::new();
    for (path, operations) in paths {
        let takes_all = operations["trace"].is_object();
        for verb in if takes_all { &VERBS[..1] } else { &VERBS[..] } {
            let tags = operations[verb]["tags"].as_array().into_iter().flatten();
            if tags.into_iter().any(|one| one == tag) {
                found.push((*verb, path.as_str()));
            }
        }
    }
    found.sort_by_key(|(_, path)| *path);
    found
}

fn page(description: &Value) -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut described = 0;
    for (tag, heading, about) in GROUPS {
        let _ = write!(page, "\n## {heading}\n{}", about.trim_start());
        for route in tagged(description, tag) {
            describe(&mut page, description, route);
            described += 1;
        }
    }
    let operations = description["paths"].as_object().unwrap().values();
    let count = |operations: &Value| {
        if operations["trace"].is_object() { 1 } else { operations.as_object().unwrap().len() }
    };
    let all: usize = operations.map(count).sum();
    assert_eq!(described, all, "a tag is in no group");

    page.push_str("\n## Objects\n");
    for (name, schema) in description["components"]["schemas"].as_object().unwrap() {
        let about = sentence(&text(&schema["description"]).replace('\n', " "));
        let _ = write!(page, "\n### {name}\n{about}.\n\n{}", fields(schema));
    }
    page
}

#[tokio::test]
async fn the_page_of_the_api_is_as_the_server_describes_it() {
    let app = TestApp::start(Kind::Memory).await;
    let description = app.browser().get("/openapi.json").await.json();
    check("http-api", "HTTP API", &page(&description));
}
