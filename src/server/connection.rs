//! Drives one connection, from its first byte until it is closed.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::activity::{Activity, TimeoutDecision};
use super::admission::ConnectionSlot;
use super::options::ConnectionTimeouts;
use super::request::{ConnectionService, HttpService, ServerPhase};
use super::stream::TrackedStream;

/// Bytes of request headers; larger ones get 431.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// Concurrent requests of one HTTP/2 connection: enough for a proxy that multiplexes all clients.
const MAX_STREAMS: u32 = 128;
/// Streams that the client reset before they were handled (CVE-2023-44487), and streams that the
/// server reset for protocol errors. Beyond either limit the connection is closed.
const MAX_PENDING_RESETS: usize = 20;
const MAX_LOCAL_RESETS: usize = 1024;
/// Unread bytes of one HTTP/2 request, and of all requests of a connection. Bodies are small.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// Unsent bytes of one HTTP/2 response.
const SEND_BUFFER: usize = 64 * 1024;
/// HTTP/2 pings detect a client that is gone.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a graceful shutdown of an idle connection may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// State shared by all connections of a listener.
pub(super) struct ServerState<S> {
    protocols: Builder<TokioExecutor>,
    service: S,
    timeouts: ConnectionTimeouts,
}

impl<S> ServerState<S> {
    pub(super) fn new(service: S, timeouts: ConnectionTimeouts) -> Self {
        let mut protocols = Builder::new(TokioExecutor::new());
        // `activity` times headers: hyper's timer also runs while a connection is idle.
        protocols
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(MAX_HEADER_BYTES);
        protocols
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
            .max_local_error_reset_streams(MAX_LOCAL_RESETS)
            .max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX))
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT);
        Self { protocols, service, timeouts }
    }
}

/// How far the shutdown of a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ConnectionPhase {
    Open,
    /// The server stops. A request that was on its way may arrive until this instant.
    LastRequest(Instant),
    /// It shuts down gracefully, and is closed if it is idle after this instant.
    Closing(Instant),
}

/// Serves a connection until either side closes it.
pub(super) async fn drive<S: HttpService>(
    server: Arc<ServerState<S>>,
    stream: TcpStream,
    peer: SocketAddr,
    slot: ConnectionSlot,
    mut server_phase: watch::Receiver<ServerPhase>,
) {
    let timeouts = server.timeouts;
    let timeouts = if slot.is_proxy() { timeouts.for_proxy() } else { timeouts };
    let activity = Arc::new(Activity::new(Instant::now()));
    let slot = Arc::new(slot);
    let requests = ConnectionService {
        service: server.service.clone(),
        peer,
        slot: slot.clone(),
        activity: activity.clone(),
        server_phase: server_phase.clone(),
        body_timeout: timeouts.body,
    };
    let tracked = TokioIo::new(TrackedStream::new(stream, activity.clone()));
    let mut connection = pin!(server.protocols.serve_connection(tracked, requests));
    let mut timer = pin!(sleep_until(Instant::now()));
    let mut phase = ConnectionPhase::Open;
    loop {
        let previous = phase;
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection closed with an error");
                }
                return;
            }
            changed = server_phase.changed() => {
                if changed.is_err() || *server_phase.borrow_and_update() == ServerPhase::Closing {
                    return;
                }
                phase = shutdown_phase(&activity, &timeouts);
            }
            () = slot.evicted() => {
                if activity.is_idle() {
                    return;
                }
                phase = ConnectionPhase::Closing(Instant::now() + CLOSE_TIMEOUT);
            }
            () = timer.as_mut() => match next_step(phase, &activity, &timeouts) {
                NextStep::Wait(at) => timer.as_mut().reset(at),
                NextStep::ShutDown => {
                    phase = ConnectionPhase::Closing(Instant::now() + CLOSE_TIMEOUT);
                }
                NextStep::Close(reason) => {
                    tracing::debug!(reason, "connection closed");
                    return;
                }
            },
        }
        if phase != previous {
            if matches!(phase, ConnectionPhase::Closing(_)) {
                connection.as_mut().graceful_shutdown();
            }
            timer.as_mut().reset(Instant::now());
        }
    }
}

/// A client cannot know whether a request that was on the wire during a close was handled. An idle
/// HTTP/1 connection therefore stays open for a moment, and its next response says
/// `Connection: close`. HTTP/2 has GOAWAY (RFC 9113, section 6.8).
fn shutdown_phase(activity: &Activity, timeouts: &ConnectionTimeouts) -> ConnectionPhase {
    if activity.is_http2() || !activity.is_idle() {
        ConnectionPhase::Closing(Instant::now() + CLOSE_TIMEOUT)
    } else {
        ConnectionPhase::LastRequest(Instant::now() + timeouts.last_request)
    }
}

/// The action of the driver when its timer fires.
enum NextStep {
    Wait(Instant),
    ShutDown,
    Close(&'static str),
}

fn next_step(
    phase: ConnectionPhase,
    activity: &Activity,
    timeouts: &ConnectionTimeouts,
) -> NextStep {
    let now = Instant::now();
    match phase {
        ConnectionPhase::LastRequest(until) | ConnectionPhase::Closing(until) if now < until => {
            NextStep::Wait(until)
        }
        ConnectionPhase::LastRequest(_) => NextStep::ShutDown,
        ConnectionPhase::Closing(_) if activity.is_idle() => {
            NextStep::Close("graceful shutdown timed out")
        }
        ConnectionPhase::Open | ConnectionPhase::Closing(_) => match activity.decide(now, timeouts)
        {
            TimeoutDecision::Keep(until) => NextStep::Wait(until),
            TimeoutDecision::Idle => NextStep::ShutDown,
            TimeoutDecision::TooSlow(reason) => NextStep::Close(reason),
        },
    }
}
