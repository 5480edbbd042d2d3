//! The codes of errors, from the comments of their enums and the places that use them.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;

use super::source::variants;
use super::{check, code, sentence, table};
use crate::house_rules::files;

const INTRODUCTION: &str = "\
This page is for developers who handle errors of [the API](http-api.md).

An error is a problem document (RFC 9457, `application/problem+json`). Decide by `code`: codes are \
stable, and `detail` is a text for people that may change. The log of the server names each response \
by its `request_id`.

```json
{
  \"type\": \"about:blank\",
  \"title\": \"Unauthorized\",
  \"status\": 401,
  \"code\": \"session_ended\",
  \"detail\": \"The session has ended: sign in again.\",
  \"request_id\": \"01a1fc81-619e-7000-8c5a-d0b24ef24fce\",
  \"reason\": \"revoked_by_user\"
}
```

With a `Retry-After` header, wait for its number of seconds before the next attempt.
";

const OTHER_ANSWERS: &str = "
## Responses without a code
- 400 without a body: the request is not valid HTTP.
- 503 with the text `Too many connections`: the server has as many connections as allowed. Try again \
after the seconds in `Retry-After`.
- Error pages for people have the code in their text. For a link that cannot be used they have \
`setup_unusable` or `invitation_unusable` in place of `not_found`.
";

/// The fields with their own errors, and the enums of these.
const FIELDS: [(&str, &str, &str); 5] = [
    ("`email`", "src/accounts/email.rs", "InvalidEmail"),
    ("`name`", "src/accounts/user.rs", "InvalidName"),
    ("`password`, `new_password`", "src/accounts/password.rs", "WeakPassword"),
    ("`data`", "src/sessions/data.rs", "DataError"),
    (
        "`name`, `audiences`, `scopes`, `algorithm` of a client",
        "src/tokens/client.rs",
        "ClientError",
    ),
];

/// The statuses with which the code sends each variant of `Code`.
fn statuses() -> BTreeMap<String, BTreeSet<u16>> {
    let mut found: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
    for (_, text) in files("src/http", ".rs") {
        for (at, _) in text.match_indices(" Code::") {
            let before = text[..at].trim_end().trim_end_matches(',');
            let word = |text: &str| -> String {
                text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
            };
            let Some((_, status)) = before.rsplit_once("StatusCode::") else { continue };
            if word(status) == status {
                let code = word(&text[at + " Code::".len()..]);
                found.entry(code).or_default().insert(number(status));
            }
        }
    }
    found
}

/// The number of a constant of `StatusCode`.
fn number(name: &str) -> u16 {
    let words = |text: &str| text.to_lowercase().replace(['_', '-'], " ");
    let is_named = |status: &StatusCode| {
        status.canonical_reason().is_some_and(|reason| words(reason) == words(name))
    };
    let mut all = (400..600).filter_map(|number| StatusCode::from_u16(number).ok());
    all.find(is_named).unwrap_or_else(|| panic!("no status is {name}")).as_u16()
}

fn codes() -> String {
    let mut statuses = statuses();
    let rows: Vec<[String; 4]> = variants("src/http/response/error/code.rs", "Code")
        .into_iter()
        .map(|one| {
            let [meaning, client] = &one.about[..] else { panic!("{}: two paragraphs", one.name) };
            let statuses = statuses.remove(&one.name).unwrap_or_default();
            assert!(!statuses.is_empty(), "no status of {} was found", one.name);
            let statuses: Vec<String> = statuses.iter().map(ToString::to_string).collect();
            [code(&one.word), statuses.join(", "), sentence(meaning), sentence(client)]
        })
        .collect();
    table(["code", "status", "meaning", "the client should"], rows)
}

fn field_codes() -> String {
    let rows = FIELDS.into_iter().flat_map(|(field, path, name)| {
        let listed = variants(path, name).into_iter().filter(|one| !one.word.is_empty());
        listed.map(move |one| [field.to_owned(), code(&one.word), sentence(&one.about.join(" "))])
    });
    let fixed = [
        ["`name` of a new client", "`name_taken`", "Another client has the name"],
        ["`name` of a new client", "`too_many_clients`", "There are as many clients as allowed"],
        [
            "`role`, `status`, `algorithm`",
            "`unknown_value`",
            "Not one of the values that `message` lists",
        ],
    ];
    let rows = rows.chain(fixed.map(|row| row.map(str::to_owned)));
    table(["field", "code", "meaning"], rows)
}

fn reasons() -> String {
    let rows = variants("src/sessions/reason.rs", "EndReason").into_iter();
    table(["reason", "meaning"], rows.map(|one| [code(&one.word), sentence(&one.about.join(" "))]))
}

fn page() -> String {
    format!(
        "{INTRODUCTION}\n## Codes\n{}\n## Errors of fields\nWith `invalid_input` and status 422, \
         `errors` has an object for each field that cannot be accepted: its `code`, and a `message` \
         that says what to do.\n\n{}\n## Reasons of ended sessions\n`session_ended` has a `reason`. \
         Events, the audit trail and the revocation feed use the same words.\n\n{}{OTHER_ANSWERS}",
        codes(),
        field_codes(),
        reasons()
    )
}

#[test]
fn the_page_of_error_codes_is_as_the_code_has_them() {
    check("error-codes", "Error codes", &page());
}
