//! One connection, from its first byte to its end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::activity::{Activity, Verdict};
use super::admission::Place;
use super::listen::Stage;
use super::options::Times;
use super::request::{Answers, Requests};
use super::stream::Watched;

/// The header block that a connection buffers, in bytes; a larger one is 431.
const HEADER_BUFFER: usize = 32 * 1024;
/// Requests under way at once on one HTTP/2 connection: enough for a proxy that sends everybody's
/// over one.
const STREAMS: u32 = 128;
/// Streams that were reset before we looked at them, and streams that broke the rules: past
/// either the connection is closed.
const RESET_EARLY: usize = 20;
const RESET_BY_US: usize = 1024;
/// Unread bytes of one HTTP/2 request, and of all of a connection: our bodies are small.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Unsent bytes of one HTTP/2 answer.
const SEND_BUFFER: usize = 64 * 1024;
/// A peer that vanished behind HTTP/2 is found by pings.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection that was told to end may take over it, beyond its requests.
const FAREWELL: Duration = Duration::from_secs(2);

/// What all connections of a listener have in common.
pub(super) struct ServerState<S> {
    protocols: Builder<TokioExecutor>,
    service: S,
    times: Times,
}

impl<S> ServerState<S> {
    pub(super) fn new(service: S, times: Times) -> Self {
        let mut protocols = Builder::new(TokioExecutor::new());
        // Headers are timed by `activity`: hyper's timer would run while a connection is idle too.
        protocols
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(HEADER_BUFFER);
        protocols
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_pending_accept_reset_streams(RESET_EARLY)
            .max_local_error_reset_streams(RESET_BY_US)
            .max_header_list_size(u32::try_from(HEADER_BUFFER).unwrap_or(u32::MAX))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_PATIENCE);
        Self { protocols, service, times }
    }
}

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    Open,
    /// The server stops; a request that was on its way may still come until then.
    LastWords(Instant),
    /// It was told to end, and is cut if it is idle and still there then.
    Ending(Instant),
}

/// Serves a connection until either side ends it.
pub(super) async fn drive<S: Answers>(
    server: Arc<ServerState<S>>,
    (stream, peer): (TcpStream, SocketAddr),
    place: Place,
    mut stage: watch::Receiver<Stage>,
) {
    let times = if place.is_proxy() { server.times.of_a_proxy() } else { server.times };
    let activity = Arc::new(Activity::new(Instant::now()));
    let place = Arc::new(place);
    let requests = Requests {
        service: server.service.clone(),
        peer,
        place: place.clone(),
        activity: activity.clone(),
        stage: stage.clone(),
        body: times.body,
    };
    let watched = TokioIo::new(Watched::new(stream, activity.clone()));
    let mut connection = pin!(server.protocols.serve_connection(watched, requests));
    let mut alarm = pin!(sleep_until(Instant::now()));
    let mut course = Course::Open;
    loop {
        let was = course;
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended with an error");
                }
                return;
            }
            changed = stage.changed() => {
                if changed.is_err() || *stage.borrow_and_update() == Stage::Cut {
                    return;
                }
                course = stopping(&activity, &times);
            }
            () = place.evicted() => {
                if activity.is_idle() {
                    return;
                }
                course = Course::Ending(Instant::now() + FAREWELL);
            }
            () = alarm.as_mut() => match next(course, &activity, &times) {
                Next::Look(at) => alarm.as_mut().reset(at),
                Next::End => course = Course::Ending(Instant::now() + FAREWELL),
                Next::Cut(why) => {
                    tracing::debug!(why, "a connection is cut");
                    return;
                }
            },
        }
        if course != was {
            if matches!(course, Course::Ending(_)) {
                connection.as_mut().graceful_shutdown();
            }
            alarm.as_mut().reset(Instant::now());
        }
    }
}

/// A request that is on the wire while we decide to close would be lost, and its client could not
/// know whether it was served. So a connection that is kept without one is still listened to for
/// a moment; its next answer says that it is the last. HTTP/2 has a farewell of its own.
fn stopping(activity: &Activity, times: &Times) -> Course {
    if activity.is_multiplexed() || !activity.is_idle() {
        Course::Ending(Instant::now() + FAREWELL)
    } else {
        Course::LastWords(Instant::now() + times.last_words)
    }
}

/// What to do when the alarm rings.
enum Next {
    Look(Instant),
    End,
    Cut(&'static str),
}

fn next(course: Course, activity: &Activity, times: &Times) -> Next {
    let now = Instant::now();
    match course {
        Course::LastWords(until) | Course::Ending(until) if now < until => Next::Look(until),
        Course::LastWords(_) => Next::End,
        Course::Ending(_) if activity.is_idle() => Next::Cut("it does not end by itself"),
        Course::Open | Course::Ending(_) => match activity.judge(now, times) {
            Verdict::Stays(until) => Next::Look(until),
            Verdict::Idle => Next::End,
            Verdict::Overdue(why) => Next::Cut(why),
        },
    }
}
