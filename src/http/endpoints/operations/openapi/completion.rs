//! Completes the description by what holds of every operation, so that no handler has to repeat it.

use serde_json::{Map, Value, json};

use crate::http::endpoints::operations::openapi::{errors, examples, members};
use crate::http::routes;
use crate::http::session::cookie::CookieShape;

/// The methods that a description can have.
const METHODS: [&str; 9] =
    ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// Adds names, security, errors of the layers and examples to all operations.
pub(super) fn complete(document: &mut Value, cookie: &CookieShape) {
    require_nullable_fields(&mut document["components"]["schemas"]);
    repeat_checks(&mut document["paths"]);
    let mut shared = Map::new();
    for (path, methods) in members(&mut document["paths"]) {
        for (method, operation) in members(methods) {
            operation["operationId"] = operation_id(method, path).into();
            if let Some(security) = security(operation) {
                operation["security"] = security;
            }
            errors::describe(path, operation, &mut shared);
            describe_streams(&mut operation["responses"]);
        }
    }
    examples::add(document);
    let components = &mut document["components"];
    components["responses"] = shared.into();
    components["securitySchemes"]["session"] = json!({
        "type": "apiKey",
        "in": "cookie",
        "name": cookie.name(),
        "description": "The token of the session. A sign-in sets it. The name is \
                        `__Host-anteroom` under an https URL, and `anteroom` on loopback.",
    });
}

/// A check is asked by the method of the request that it is about, so that each method is the same.
fn repeat_checks(paths: &mut Value) {
    for (path, methods) in members(paths) {
        if routes::is_check(path) {
            let operation = methods["get"].clone();
            *methods = METHODS.iter().map(|method| (*method, operation.clone())).collect();
        }
    }
}

fn describe_streams(responses: &mut Value) {
    for (_, response) in members(responses) {
        if let Some(stream) = response.pointer_mut("/content/text~1event-stream") {
            stream["itemSchema"]["$ref"] = "#/components/schemas/ServerSentEvent".into();
        }
    }
}

/// The method and the words of the path, which no other operation has.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty() && *word != "api");
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

/// Whether the operation asks for the session of a user, or lets a visitor do without.
fn security(operation: &Value) -> Option<Value> {
    let unauthorized = operation["responses"]["401"]["description"].as_str()?;
    if unauthorized.contains("`no_session`") {
        return Some(json!([{ "session": [] }]));
    }
    unauthorized.contains("`session_ended`").then(|| json!([{}, { "session": [] }]))
}

/// A field that may be `null` is always there, and one that may be missing is never `null`.
fn require_nullable_fields(schemas: &mut Value) {
    for (_, schema) in members(schemas) {
        let properties = schema["properties"].as_object().into_iter().flatten();
        let nullable: Vec<Value> = properties
            .filter(|(_, field)| is_nullable(field))
            .map(|(name, _)| json!(name))
            .collect();
        if nullable.is_empty() {
            continue;
        }
        let mut required = schema["required"].as_array().cloned().unwrap_or_default();
        required.extend(
            nullable.into_iter().filter(|name| !required.contains(name)).collect::<Vec<_>>(),
        );
        schema["required"] = required.into();
    }
}

fn is_nullable(field: &Value) -> bool {
    let alternatives = field["oneOf"].as_array().into_iter().flatten();
    let types = field["type"].as_array().into_iter().flatten();
    types.chain(alternatives.map(|one| &one["type"])).any(|kind| kind == "null")
}
