//! Logging to stderr, one line per event.
//!
//! Callers log names and ids, never a token, a cookie or a password. Untrusted text may be logged as it
//! is: line breaks and terminal control characters are escaped.

use std::any::Any;
use std::fmt;
use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::{Directive, LevelFilter};
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::{FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::outbound::Target;

#[cfg(test)]
mod tests;
mod traces;

pub use traces::{TRACES, Traces};
pub(crate) use traces::{continue_trace, for_the_same_request, within_request};

/// The format of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Libraries that log below `warn` only if a directive names them.
const NOISY: [&str; 4] = ["sqlx", "hyper", "hyper_util", "h2"];

/// The target of startup messages. In JSON they are logged whatever the directives say, because
/// they replace the plain lines on stdout.
pub const OF_THE_START: &str = "anteroom::start";

/// The target of messages that go to the log instead of a mail server.
pub(crate) const MAIL_IN_THE_LOG: &str = "anteroom::mail::log";

/// Logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The directives cannot be read.
    #[error("the log directives cannot be read: {0}")]
    Directives(String),
    /// Logging has already started.
    #[error("logging was started twice")]
    Started(#[from] TryInitError),
    /// Traces cannot be sent to this address.
    #[error("traces cannot be sent: {0}")]
    Traces(String),
}

/// Starts logging for the whole process, panics included. `log` is a level, or directives such as
/// `info,anteroom::http=debug`. Colours are used on terminals unless `NO_COLOR` is set. Traces go to
/// `collector`, if there is one; they need a runtime of Tokio.
///
/// # Errors
/// [`TelemetryError`]; nothing is logged then.
pub fn start(
    log: &str,
    format: LogFormat,
    collector: Option<&Target>,
) -> Result<Traces, TelemetryError> {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_coloured = io::stderr().is_terminal() && !no_color;
    let filter = filter(log).map_err(TelemetryError::Directives)?;
    let lines = match format {
        LogFormat::Text => text(filter, is_coloured, io::stderr).boxed(),
        LogFormat::Json => {
            let always = format!("{OF_THE_START}=info").parse::<Directive>();
            let always = always.map_err(|error| TelemetryError::Directives(error.to_string()))?;
            json(filter.add_directive(always), io::stderr).boxed()
        }
    };
    let (traces, layer) = Traces::to(collector).map_err(TelemetryError::Traces)?;
    // In one list: beside a layer without a filter, which an absent one counts as, every disabled
    // event would be filtered each time instead of once.
    let layers: Vec<_> = [lines].into_iter().chain(layer.map(Layer::boxed)).collect();
    Registry::default().with(layers).try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, what = literal(panic.payload()), "a thread panicked");
    }));
    Ok(traces)
}

/// The message of a panic if it is a string literal. A formatted message may contain user input.
fn literal(payload: &(dyn Any + Send)) -> Option<&'static str> {
    payload.downcast_ref::<&'static str>().copied()
}

/// Whether [`start`] accepts these directives.
///
/// # Errors
/// One sentence that says what to write instead.
pub fn check(log: &str) -> Result<(), String> {
    filter(log).map(drop)
}

/// Whether messages that go to the log are seen under these directives.
pub(crate) fn shows_mail(log: &str) -> bool {
    let Ok(filter) = filter(log) else { return false };
    let subscriber = Registry::default().with(filter);
    tracing::subscriber::with_default(
        subscriber,
        || tracing::enabled!(target: MAIL_IN_THE_LOG, tracing::Level::INFO),
    )
}

fn filter(log: &str) -> Result<EnvFilter, String> {
    let form = "write error, warn, info, debug, trace or off, or per part, for example \
                info,anteroom::http=debug";
    // tracing-subscriber panics at some multi-byte characters.
    if !log.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("leave out blanks and whatever is not ASCII; {form}"));
    }
    let mut quiet = LevelFilter::WARN;
    for directive in log.split(',').filter(|_| !log.contains('[')) {
        // A bare word that is no level would count as a target, and silence all others.
        if !directive.contains('=') {
            let level = directive.parse::<LevelFilter>().ok().filter(|_| !directive.is_empty());
            quiet = level.ok_or(form)?.min(LevelFilter::WARN);
        }
    }
    // The later directive wins, so that the operator's own come last.
    let noise = NOISY.map(|part| format!("{part}={quiet}")).join(",");
    // Spans of traces would repeat the span of the request in every line.
    let all = format!("{TRACES}=off,{noise},{log}");
    EnvFilter::builder().parse(all).map_err(|error| format!("{error}; {form}"))
}

fn text<S, W>(filter: EnvFilter, is_coloured: bool, writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .with_ansi(is_coloured)
        .fmt_fields(OneLine(DefaultFields::new()))
        .with_writer(writer)
        // The library would report a failed write on the same stderr, and panic.
        .log_internal_errors(false)
        .with_filter(filter)
}

fn json<S, W>(filter: EnvFilter, writer: W) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer()
        .json()
        .with_span_list(false)
        .with_writer(writer)
        // The library would report a failed write on the same stderr, and panic.
        .log_internal_errors(false)
        .with_filter(filter)
}

/// Escapes control characters in events and spans. The library escapes terminal sequences, but not
/// line breaks.
struct OneLine(DefaultFields);

impl<'writer> FormatFields<'writer> for OneLine {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut plain = String::new();
        self.0.format_fields(Writer::new(&mut plain), fields)?;
        plain.chars().try_for_each(|c| match c {
            '\u{2028}' | '\u{2029}' => write!(writer, "{}", c.escape_unicode()),
            c if c.is_control() => write!(writer, "{}", c.escape_default()),
            c => writer.write_char(c),
        })
    }
}
