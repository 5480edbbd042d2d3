use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::{Subscriber, debug, error, info, info_span, warn};
use tracing_subscriber::fmt::MakeWriter;

use super::{check, filter, json, literal, text};

/// The captured log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn logged<S: Subscriber + Send + Sync>(
    subscriber: impl FnOnce(Lines) -> S,
    operations: impl FnOnce(),
) -> String {
    let lines = Lines::default();
    tracing::subscriber::with_default(subscriber(lines.clone()), operations);
    lines.text()
}

const NASTY: &str =
    "a\r\n{\"event\":\"login_ok\"}\n\x1b[31mred\x07\0\x0b\u{85}\u{9b}2J\u{2028}b\tc";

fn say_nasty_things() {
    let request = info_span!("request", path = %NASTY, agent = NASTY);
    let _entered = request.enter();
    let failed = io::Error::other(NASTY);
    let failed: &(dyn std::error::Error + 'static) = &failed;
    warn!(display = %NASTY, debug = ?NASTY, plain = NASTY, failed, "message {NASTY}");
}

#[test]
fn one_event_is_one_line_of_text_whatever_is_in_it() {
    for is_coloured in [false, true] {
        let filter = filter("info").unwrap();
        let all = logged(|lines| text(filter, is_coloured, lines), say_nasty_things);

        assert_eq!(all.matches('\n').count(), 1, "{all:?}");
        assert!(all.ends_with('\n'));
        let plain = if is_coloured { without_colours(&all) } else { all.clone() };
        let steers = |c: char| c.is_control() || c == '\u{2028}';
        assert!(!plain.trim_end_matches('\n').contains(steers), "{plain:?}");
        assert!(plain.contains("login_ok") && plain.contains("\\r\\n"), "{plain}");
    }
}

/// Takes out the colours of the frame; what an attacker wrote would not be among them.
fn without_colours(text: &str) -> String {
    let colours = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[3m", "\x1b[32m", "\x1b[33m"];
    colours.iter().fold(text.to_owned(), |text, colour| text.replace(colour, ""))
}

#[test]
fn one_event_is_one_object_of_json_whatever_is_in_it() {
    let all = logged(|lines| json(filter("info").unwrap(), lines), say_nasty_things);

    assert_eq!(all.matches(['\n', '\r', '\x1b']).count(), 1, "{all:?}");
    let event: serde_json::Value = serde_json::from_str(&all).unwrap();
    assert_eq!(event["fields"]["display"], NASTY);
    assert_eq!(event["level"], "WARN");
    assert_eq!(event["span"]["path"], NASTY);
}

fn talk() {
    debug!(target: "sqlx::query", "statement");
    info!(target: "hyper::proto", "connection");
    warn!(target: "h2::server", "reset");
    error!(target: "sqlx::pool", "gone");
    debug!(target: "anteroom::http", "ours");
}

#[test]
fn libraries_are_quiet_unless_asked_for_by_name() {
    let heard = |directives: &str| {
        let all = logged(|lines| text(filter(directives).unwrap(), false, lines), talk);
        let word = |line: &str| line.rsplit(' ').next().unwrap_or_default().to_owned();
        all.lines().map(word).collect::<Vec<_>>()
    };
    assert_eq!(heard("trace"), ["reset", "gone", "ours"]);
    assert_eq!(heard("info"), ["reset", "gone"]);
    assert_eq!(heard("info,sqlx=debug"), ["statement", "reset", "gone"]);
    assert_eq!(heard("info,hyper::proto=info"), ["connection", "reset", "gone"]);
    assert_eq!(heard("error"), ["gone"]);
    assert!(heard("off").is_empty());
}

#[test]
fn sources_of_an_error_are_logged() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);
    let failed = Outer(io::Error::other("inner"));
    let failed: &(dyn std::error::Error + 'static) = &failed;
    let all = logged(
        |lines| text(filter("info").unwrap(), false, lines),
        || {
            error!(failed, "the store failed");
        },
    );

    assert!(all.contains("the store failed failed=outer failed.sources=[inner]"), "{all}");
}

#[test]
fn directives_that_would_silence_by_mistake_are_refused() {
    assert!(check("info").is_ok() && check("warn,anteroom=trace").is_ok());
    assert!(check("inof").unwrap_err().contains("write error, warn, info"));
    assert!(check("").is_err() && check("anteroom").is_err());
}

#[test]
fn a_panic_tells_words_of_the_program_and_no_words_of_a_request() {
    let quiet = std::panic::catch_unwind(|| {
        let sent = String::from("velvet otter");
        std::panic::panic_any(format!("cannot read {sent}"));
    });
    assert_eq!(literal(&*quiet.unwrap_err()), None);
    let told = std::panic::catch_unwind(|| std::panic::panic_any("the queue is gone"));
    assert_eq!(literal(&*told.unwrap_err()), Some("the queue is gone"));
}
