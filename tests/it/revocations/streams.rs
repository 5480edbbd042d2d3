//! The feed as a stream, which breaks off and goes on.

use std::time::Duration;

use anteroom::sessions::EndReason;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection as _;

use super::{FEED, end, ends, position, sign_out};
use crate::harness::app::{Kind, MINUTE, TestApp, on_one_store};
use crate::harness::browser::Browser;

on_one_store!(
    a_stream_tells_each_end_and_where_to_go_on,
    a_stream_that_breaks_off_goes_on_after_the_last_event,
    a_stream_ends_with_the_session_of_its_administrator,
    a_stream_ends_when_its_administrator_is_none_any_more,
    a_stream_of_the_feed_is_no_activity,
    a_stream_after_a_cursor_that_has_expired_never_begins,
);

/// One event as it came.
#[derive(Debug)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

pub(super) struct Stream {
    bytes: BoxStream<'static, Vec<u8>>,
    unread: String,
}

impl Stream {
    pub(super) async fn open(root: &Browser, query: &str, last: &str) -> Self {
        let mut request = root.request(Method::GET, &format!("{FEED}?stream=true{query}"));
        if !last.is_empty() {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let bytes = response.bytes_stream().map(|bytes| bytes.unwrap_or_default().to_vec());
        Self { bytes: bytes.boxed(), unread: String::new() }
    }

    /// `None`: the stream is over.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let field = |name: &str| {
                    let value = event.lines().find_map(|line| line.strip_prefix(name));
                    value.unwrap_or_default().to_owned()
                };
                let (name, id, data) = (field("event: "), field("id: "), field("data: "));
                let rest = rest.to_owned();
                self.unread = rest;
                // A comment keeps it alive.
                if !name.is_empty() {
                    return Some(Event { name, id, data: serde_json::from_str(&data).unwrap() });
                }
                continue;
            }
            let patience = Duration::from_secs(20);
            let bytes = tokio::time::timeout(patience, self.bytes.next()).await.unwrap()?;
            self.unread += &String::from_utf8(bytes).unwrap();
        }
    }

    /// The next end, and the id of its event.
    pub(super) async fn end(&mut self) -> ((String, String), String) {
        let event = self.next().await.unwrap();
        assert_eq!((&*event.name, &event.data["cursor"]), ("revocation", &json!(event.id)));
        (ends(&[event.data]).remove(0), event.id)
    }

    pub(super) async fn begun(mut self) -> (Self, String) {
        let event = self.next().await.unwrap();
        assert_eq!((&*event.name, &event.data["next_cursor"]), ("position", &json!(event.id)));
        (self, event.id)
    }
}

async fn a_stream_tells_each_end_and_where_to_go_on(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (mut stream, _) = Stream::open(&root, "", "").await.begun().await;
    for n in 0..3 {
        let browser = app.signed_in(&format!("ada{n}@example.org")).await;
        let id = browser.session_id().await;
        sign_out(&browser).await;
        assert_eq!(stream.end().await.0, end(&id, "signed_out"));
    }
}

async fn a_stream_that_breaks_off_goes_on_after_the_last_event(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (mut stream, begun) = Stream::open(&root, "", "").await.begun().await;
    let mut ids = Vec::new();
    let mut next = async || {
        let browser = app.signed_in("ada@example.org").await;
        ids.push(end(&browser.session_id().await, "signed_out"));
        sign_out(&browser).await;
        ids.clone()
    };
    next().await;
    let (_, last) = stream.end().await;
    drop(stream);
    next().await;
    let ids = next().await;

    let (mut resumed, _) =
        Stream::open(&root, &format!("&after={begun}"), &last).await.begun().await;
    assert_eq!([resumed.end().await.0, resumed.end().await.0], ids[1..]);
    let (mut again, _) = Stream::open(&root, &format!("&after={begun}"), "").await.begun().await;
    assert_eq!([again.end().await.0, again.end().await.0, again.end().await.0], ids[..]);
}

async fn a_stream_ends_with_the_session_of_its_administrator(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let (mut stream, _) = Stream::open(&root, "", "").await.begun().await;

    sign_out(&root.copy()).await;

    assert!(stream.next().await.is_none(), "its own end is told to nobody");
}

async fn a_stream_ends_when_its_administrator_is_none_any_more(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    for change in [json!({ "role": "user" }), json!({ "status": "disabled" })] {
        let other =
            app.administrator(&format!("other{}@example.org", change.to_string().len())).await;
        let path = format!("/api/admin/users/{}", other.user_id().await);
        let (mut stream, _) = Stream::open(&other, "", "").await.begun().await;

        assert_eq!(root.patch(&path, change).await.status, 200);

        assert!(stream.next().await.is_none());
    }
}

async fn a_stream_of_the_feed_is_no_activity(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    app.pass(10 * MINUTE).await;
    let (mut stream, _) = Stream::open(&root, "", "").await.begun().await;

    app.pass(5 * MINUTE).await;

    assert!(stream.next().await.is_none());
    assert_eq!(root.why_not().await, "idle_timeout");
}

async fn a_stream_after_a_cursor_that_has_expired_never_begins(kind: Kind) {
    let app = TestApp::start(kind).await;
    let root = app.administrator("root@example.org").await;
    let old = position(&root).await;
    app.anteroom.sessions().revoke_all(EndReason::RevokedByAdmin).await.unwrap();
    let root = app.administrator("root@example.org").await;

    let answer = root.get(&format!("{FEED}?stream=true&after={old}")).await;

    assert_eq!(answer.refusal(), (410, "cursor_expired".to_owned()));
}

#[tokio::test]
async fn a_stream_whose_cursor_expires_meanwhile_says_so_and_ends() {
    let app = TestApp::start(Kind::Database).await;
    let root = app.administrator("root@example.org").await;
    let (mut stream, _) = Stream::open(&root, "", "").await.begun().await;

    let file = format!("sqlite:{}", app.database.display());
    let mut connection = sqlx::SqliteConnection::connect(&file).await.unwrap();
    let other = sqlx::query("UPDATE revocation_feed SET identity = 'another'");
    other.execute(&mut connection).await.unwrap();

    assert_eq!(stream.next().await.unwrap().name, "expired");
    assert!(stream.next().await.is_none());
}
