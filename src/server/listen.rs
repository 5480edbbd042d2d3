//! Accept loop and graceful shutdown. Each connection has its task.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::admission::Admission;
use super::connection::{ServerState, drive};
use super::options::ServeOptions;
use super::request::{HttpService, ServerPhase};

/// The pause after a failed accept, mostly for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Idle connections that are closed after a failed accept, to free file descriptors.
const EVICT_AT_ONCE: usize = 16;
/// Interval between two log lines about failed accepts.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);
/// How long connections may take to close at the end of the drain.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(250);

/// The response to a rejected connection.
const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Connection: close\r\n\
    Retry-After: 10\r\n\
    Cache-Control: no-store\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 42\r\n\
    \r\n\
    Too many connections: try again shortly.\r\n";

/// Serves with the default [`ServeOptions`] until `stop` completes, then drains active requests for
/// at most eight seconds.
///
/// ```
/// # async fn example(app: axum::Router) -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// let stop = async { drop(tokio::signal::ctrl_c().await) };
/// anteroom::serve(listener, app, stop).await;
/// # Ok(())
/// # }
/// ```
pub async fn serve(
    listener: TcpListener,
    service: impl HttpService,
    stop: impl Future<Output = ()> + Send,
) {
    serve_with(listener, service, ServeOptions::default(), stop).await;
}

/// Like [`serve`], with other limits and timeouts.
///
/// After `stop` completes, no new connection is accepted, except those that the system already has.
/// Each connection closes after its next response. An open event stream delays the end until
/// [`drain`](super::ConnectionTimeouts::drain) has passed, so `stop` should end event streams.
pub async fn serve_with(
    listener: TcpListener,
    service: impl HttpService,
    options: ServeOptions,
    stop: impl Future<Output = ()> + Send,
) {
    let drain = options.timeouts.drain;
    let mut accept_loop = AcceptLoop::new(service, options);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => accept_loop.accept(stream, peer),
                Err(error) => accept_loop.accept_failed(&error).await,
            },
            () = &mut stop => break,
        }
    }
    accept_loop.accept_backlog(listener);
    accept_loop.drain(drain).await;
}

/// Accepts connections and starts a task for each.
struct AcceptLoop<S> {
    server: Arc<ServerState<S>>,
    admission: Arc<Admission>,
    phase: watch::Sender<ServerPhase>,
    failure_logged_at: Option<Instant>,
}

impl<S: HttpService> AcceptLoop<S> {
    fn new(service: S, options: ServeOptions) -> Self {
        let server = Arc::new(ServerState::new(service, options.timeouts));
        let admission = Arc::new(Admission::new(options));
        let phase = watch::Sender::new(ServerPhase::Open);
        Self { server, admission, phase, failure_logged_at: None }
    }

    fn accept(&self, stream: TcpStream, peer: SocketAddr) {
        // Responses of a few hundred bytes must not wait for Nagle's algorithm.
        let _ = stream.set_nodelay(true);
        match self.admission.admit(peer.ip()) {
            Some(slot) => {
                let phase = self.phase.subscribe();
                tokio::spawn(drive(self.server.clone(), stream, peer, slot, phase));
            }
            None => reject(stream),
        }
    }

    async fn accept_failed(&mut self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            return;
        }
        if self.failure_logged_at.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL) {
            self.failure_logged_at = Some(Instant::now());
            tracing::warn!(
                %error,
                "could not accept a connection; will retry; if file descriptors are exhausted, raise \
                 the limit of open files or lower ANTEROOM_MAX_CONNECTIONS"
            );
        }
        for _ in 0..EVICT_AT_ONCE {
            if !self.admission.evict_one() {
                break;
            }
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }

    /// Accepts the connections in the backlog of the listener. Closing it would reset them.
    fn accept_backlog(&self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, peer)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.accept(stream, peer);
            }
        }
    }

    async fn drain(self, timeout: Duration) {
        let connections = self.phase.receiver_count();
        tracing::info!(connections, "stopping: no new connections");
        self.phase.send_replace(ServerPhase::Draining);
        if tokio::time::timeout(timeout, self.phase.closed()).await.is_err() {
            tracing::warn!("the drain timed out; closing the remaining connections");
            self.phase.send_replace(ServerPhase::Closing);
            let _ = tokio::time::timeout(CLOSE_TIMEOUT, self.phase.closed()).await;
        }
    }
}

/// Sends 503 in one packet, without waiting.
fn reject(stream: TcpStream) {
    let Ok(mut stream) = stream.into_std() else { return };
    // Unread bytes would turn the close into a reset, which may overtake the response.
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write(TOO_MANY_CONNECTIONS);
}
