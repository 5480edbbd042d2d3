//! The kinds of audit events, from the comments of their enum.

use anteroom::audit::Kind;

use super::source::{Variant, variants};
use super::{check, code, sentence, table};
use crate::house_rules::files;

const INTRODUCTION: &str = "\
This page is for administrators and developers who read audit events. \
[Use the audit trail](../operate/audit.md) explains where they are read and how long they are kept; \
[the webhook](../integrate/webhook.md) sends them to a program.

## Fields
| field | meaning |
|---|---|
| `id` | id of the event |
| `time` | when it was recorded, in UTC |
| `kind` | one of the kinds below |
| `actor` | who did it: the id of a user, `command_line`, `server`, or `null` if nobody was signed in |
| `subject` | id of the user it is about; `null` if it is about no account |
| `session_id` | id of the session that started or ended, else of the session it was done in |
| `network` | the address it came from; after `ANTEROOM_ADDRESS_RETENTION` only its network, for example `203.0.113.0/24` |
| `user_agent` | the program it came from |
| `outcome` | `ok`, or a word for why it was not done |
| `details` | an object with more data, by kind |
";

fn row(kind: &Variant) -> [String; 4] {
    let [outcomes, details] = ["Outcomes: ", "Details: "].map(|name| kind.paragraph(name));
    assert!(!outcomes.is_empty(), "{} has no outcomes", kind.name);
    [code(&kind.word), sentence(&kind.about[0]), outcomes, details]
}

fn kinds() -> Vec<Variant> {
    variants("src/audit/kind.rs", "Kind")
}

fn page() -> String {
    let rows: Vec<_> = kinds().iter().map(row).collect();
    let kinds = table(["kind", "meaning", "outcomes", "details"], rows);
    format!(
        "{INTRODUCTION}\n## Kinds\n{kinds}\n[Reasons of ended \
         sessions](error-codes.md#reasons-of-ended-sessions) has the values of `reason`. Failures \
         that come from an overloaded server or a failed store are not recorded.\n"
    )
}

#[test]
fn the_page_of_audit_events_is_as_the_code_has_them() {
    let words: Vec<String> = kinds().into_iter().map(|kind| kind.word).collect();
    assert_eq!(words, Kind::ALL.map(Kind::as_str));
    check("audit-events", "Audit events", &page());
}

#[test]
fn every_outcome_in_the_code_is_on_the_page() {
    let page = page();
    let mut found = 0;
    for (name, text) in files("src", ".rs") {
        for literal in text.split(".outcome(\"").skip(1) {
            let outcome = literal.split('"').next().unwrap();
            assert!(page.contains(&format!("`{outcome}`")), "src/{name}: {outcome}");
            found += 1;
        }
    }
    assert!(found > 5, "only {found} outcomes were found");
}
