//! The accept loop. It waits for nobody: whatever takes time happens in a task per connection.

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
use super::request::Answers;

/// The pause after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many idle connections give their descriptors up before the next try.
const MAKE_ROOM: usize = 16;
/// How often failing to accept is told of.
const REPORT_INTERVAL: Duration = Duration::from_mins(1);
/// How long connections that are cut may take to notice.
const CUT: Duration = Duration::from_millis(250);

/// All that a connection that finds no place is told.
const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Connection: close\r\n\
    Retry-After: 10\r\n\
    Cache-Control: no-store\r\n\
    X-Content-Type-Options: nosniff\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 42\r\n\
    \r\n\
    Too many connections: try again shortly.\r\n";

/// How far the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Open,
    /// What is under way ends, nothing new begins.
    Draining,
    /// Out of time.
    Cut,
}

/// Serves with the usual [`ServeOptions`] until `stop` is done, then lets what is under way end,
/// for eight seconds at most.
pub async fn serve(
    listener: TcpListener,
    service: impl Answers,
    stop: impl Future<Output = ()> + Send,
) {
    serve_with(listener, service, ServeOptions::default(), stop).await;
}

/// As [`serve`], with caps and times of one's own.
///
/// Once `stop` is done, connections that the system took before are served as well, every answer
/// is the last of its connection, and no new connection is taken. An event stream of one's own
/// holds the end up until [`super::Times::drain`] is over, so have `stop` end them.
pub async fn serve_with(
    listener: TcpListener,
    service: impl Answers,
    options: ServeOptions,
    stop: impl Future<Output = ()> + Send,
) {
    let drain = options.times.drain;
    let mut reception = Reception::new(service, options);
    tokio::pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => reception.welcome(stream, peer),
                Err(error) => reception.cannot_accept(&error).await,
            },
            () = &mut stop => break,
        }
    }
    reception.welcome_those_waiting(listener);
    reception.end(drain).await;
}

/// Where connections arrive.
struct Reception<S> {
    server: Arc<ServerState<S>>,
    admission: Arc<Admission>,
    stage: watch::Sender<Stage>,
    failure_told_at: Option<Instant>,
}

impl<S: Answers> Reception<S> {
    fn new(service: S, options: ServeOptions) -> Self {
        let server = Arc::new(ServerState::new(service, options.times));
        let admission = Arc::new(Admission::new(options));
        Self { server, admission, stage: watch::Sender::new(Stage::Open), failure_told_at: None }
    }

    fn welcome(&self, stream: TcpStream, peer: SocketAddr) {
        // An answer of a few hundred bytes must not wait for more to come.
        let _ = stream.set_nodelay(true);
        match self.admission.admit(peer.ip()) {
            Some(place) => {
                let stage = self.stage.subscribe();
                tokio::spawn(drive(self.server.clone(), (stream, peer), place, stage));
            }
            None => turn_away(stream),
        }
    }

    async fn cannot_accept(&mut self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
            return;
        }
        if self.failure_told_at.is_none_or(|at| at.elapsed() >= REPORT_INTERVAL) {
            self.failure_told_at = Some(Instant::now());
            tracing::warn!(
                %error,
                "connections cannot be accepted; if files are lacking, raise the limit of open \
                 files or lower ANTEROOM_MAX_CONNECTIONS"
            );
        }
        for _ in 0..MAKE_ROOM {
            if !self.admission.make_room() {
                break;
            }
        }
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }

    /// Takes what the system has accepted for us already; once the listener is closed, it would
    /// reset those.
    fn welcome_those_waiting(&self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        while let Ok((stream, peer)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.welcome(stream, peer);
            }
        }
    }

    async fn end(self, drain: Duration) {
        let connections = self.stage.receiver_count();
        tracing::info!(connections, "stopping: no new connections");
        self.stage.send_replace(Stage::Draining);
        if tokio::time::timeout(drain, self.stage.closed()).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut");
            self.stage.send_replace(Stage::Cut);
            let _ = tokio::time::timeout(CUT, self.stage.closed()).await;
        }
    }
}

/// Says so in one packet, and waits for nothing.
fn turn_away(stream: TcpStream) {
    let Ok(mut stream) = stream.into_std() else { return };
    // Bytes left unread would turn the close into a reset, which may overtake the answer.
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write(NO_PLACE);
}
