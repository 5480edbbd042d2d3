//! The metrics, as a server tells them after a sign-in.

use std::collections::BTreeMap;

use anteroom::accounts::Role;

use super::source::variants;
use super::{check, code, sentence, table};
use crate::harness::app::{Kind, TestApp};
use crate::metrics::{counted, text_of};

const INTRODUCTION: &str = "\
This page is for operators who build dashboards and alerts. [Monitor it](../operate/monitor.md) \
explains how metrics are enabled and fetched, and which of them deserve an alert.

In the text format, counters end in `_total`, the info in `_info`, and histograms come as \
`_bucket`, `_sum` and `_count`.
";

const LABELS: &str = "
## Labels
| label | values |
|---|---|
| `method` | GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, or `other` |
| `route` | the pattern of the route, for example `/api/sessions/{id}`; `unmatched` for a path that is no route |
| `status` | the status code of the response |
| `reason` | with the outcome `ended`, [the reason](error-codes.md#reasons-of-ended-sessions) that the API gives |
| `kind` | of a session: `user` or `anonymous` |
| `store`, `operation` | `sessions` or `accounts`, and the called operation |
| `what` | `ended`: a session that timed out; `forgotten`: a record of an ended session that was deleted |
| `version` | the version of the server |
";

/// The metrics with outcomes, and the enum of these in `src/metrics/outcome.rs`.
const OUTCOMES: [(&str, &str); 6] = [
    ("anteroom_session_checks", "CheckOutcome"),
    ("anteroom_cache_lookups", "CacheOutcome"),
    ("anteroom_sign_ins", "SignInOutcome"),
    ("anteroom_sign_ups", "SignUpOutcome"),
    ("anteroom_store_call_duration_seconds", "StoreOutcome"),
    ("anteroom_webhook_attempts", "WebhookOutcome"),
];

/// The names of the labels of a series, without that of a bucket.
fn labels(series: &str) -> Vec<&str> {
    let (_, labels) = series.split_once('{').unwrap_or_default();
    let names = labels.split("=\"").map(|before| before.rsplit(['{', ',', '"']).next().unwrap());
    let is_name = |name: &&str| name.starts_with(|c: char| c.is_ascii_lowercase()) && *name != "le";
    names.filter(is_name).collect()
}

fn rows(text: &str) -> Vec<[String; 4]> {
    let of = |mark: &str| -> BTreeMap<String, String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(mark)?.split_once(' '));
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let help = of("# HELP ");
    let row = |(name, form): (String, String)| {
        let series = text.lines().find(|line| line.starts_with(&name)).unwrap();
        let labels: Vec<String> = labels(series).into_iter().map(code).collect();
        [code(&name), form, labels.join(", "), sentence(&help[&name])]
    };
    of("# TYPE ").into_iter().map(row).collect()
}

fn page(text: &str) -> String {
    let metrics = table(["metric", "type", "labels", "meaning"], rows(text));
    let outcomes = OUTCOMES.into_iter().flat_map(|(metric, name)| {
        let outcomes = variants("src/metrics/outcome.rs", name).into_iter();
        outcomes.map(move |one| [code(metric), code(&one.word), sentence(&one.about.join(" "))])
    });
    let outcomes = table(["metric", "outcome", "meaning"], outcomes);
    format!("{INTRODUCTION}\n## Metrics\n{metrics}{LABELS}\n## Outcomes\n{outcomes}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_metrics_is_as_a_server_tells_them() {
    let app = TestApp::start_with(Kind::Memory, counted).await;
    app.signed_in_as("ada@example.org", Role::User, false).await;

    let page = page(&text_of(&app.anteroom).await);

    for (metric, _) in OUTCOMES {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{metric}` | ")));
        assert!(row.unwrap().contains("`outcome`"), "{page}");
    }
    check("metrics", "Metrics", &page);
}
