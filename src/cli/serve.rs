//! `anteroom serve`: the settings made into a server, and the server run until it is told to stop.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use super::administration::database_at;
use super::signals::Signals;
use super::{Failure, starting};
use crate::accounts::HasherOptions;
use crate::audit::AuditLines;
use crate::clock::Clock;
use crate::config::{Config, SessionsIn, Signup};
use crate::entropy::Entropy;
use crate::http::PublicUrl;
use crate::metrics::Metrics;
use crate::network::TrustedProxies;
use crate::server::ServeOptions;
use crate::{Anteroom, Options, SessionsKept, telemetry};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

pub(super) async fn serve(config: Config, mut signals: Signals) -> Result<(), Failure> {
    telemetry::start(&config.logging.log, config.logging.format)?;
    signals.tell_of_others();
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    // Taken now, so that a mistake is found at once; whoever connects is refused until it listens.
    let socket = take(config.door.listen, BROWSERS)?;
    let take_for_metrics = |address| take(address, METRICS);
    let metrics_socket = config.metrics_listen.map(take_for_metrics).transpose()?;
    let public_url = public_url(&config, &socket)?;
    let mut options = options(&config, &public_url);
    if config.logging.audit_on_stdout {
        options.audit_lines = Some(AuditLines::to(std::io::stdout())?);
    }
    let anteroom = tokio::select! {
        started = starting::once_the_stores_answer(options, config.keeping.store_wait) => started?,
        () = signals.asked_to_stop() => {
            tracing::info!("stopped before the start was done");
            return Ok(());
        }
    };
    if let Err(error) = anteroom.audit().note_settings(&config.shown()).await {
        tracing::warn!(%error, "the settings are not compared with those of the last start");
    }
    let listener = listen(socket, config.door.listen, BROWSERS)?;
    let metrics_listener = metrics_listener(metrics_socket, config.metrics_listen)?;
    let setup_link = anteroom.issue_setup_link().await?;
    starting::tell(&config.logging, public_url.origin(), setup_link.as_deref())?;
    let sessions = anteroom.sessions().clone();
    let stop = async move {
        signals.asked_to_stop().await;
        // Open event streams would hold the drain to its end.
        sessions.close_subscriptions();
    };
    let metrics = serve_metrics(metrics_listener, &anteroom);
    crate::server::serve_with(listener, anteroom.front(), serving(&config), stop).await;
    // Only now: how the last requests end is worth seeing too.
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    anteroom.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// What is listened for, and the setting for the address.
type Purpose = (&'static str, &'static str);
const BROWSERS: Purpose = ("", "ANTEROOM_LISTEN");
const METRICS: Purpose = (" for metrics", "ANTEROOM_METRICS_LISTEN");

/// Takes an address without listening there yet.
fn take(address: SocketAddr, purpose: Purpose) -> Result<TcpSocket, Failure> {
    let taken = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    };
    taken().map_err(|error| in_use(&error, address, purpose))
}

fn listen(
    socket: TcpSocket,
    address: SocketAddr,
    purpose: Purpose,
) -> Result<TcpListener, Failure> {
    socket.listen(BACKLOG).map_err(|error| in_use(&error, address, purpose))
}

fn in_use(error: &io::Error, address: SocketAddr, (words, setting): Purpose) -> Failure {
    format!("cannot listen on {address}{words}: {error}; stop what does, or set {setting}").into()
}

/// Where metrics are told, if anywhere.
fn metrics_listener(
    socket: Option<TcpSocket>,
    address: Option<SocketAddr>,
) -> Result<Option<TcpListener>, Failure> {
    let (Some(socket), Some(address)) = (socket, address) else { return Ok(None) };
    let listener = listen(socket, address, METRICS)?;
    tracing::info!("metrics are at http://{}/metrics", listener.local_addr()?);
    Ok(Some(listener))
}

fn serve_metrics(listener: Option<TcpListener>, anteroom: &Anteroom) -> Option<JoinHandle<()>> {
    let (listener, router) = (listener?, anteroom.metrics_router()?);
    Some(tokio::spawn(crate::server::serve(listener, router, std::future::pending())))
}

/// The URL that was set, or the loopback one with the port that the system chose.
fn public_url(config: &Config, socket: &TcpSocket) -> Result<PublicUrl, Failure> {
    if config.has_public_url() || config.door.listen.port() != 0 {
        return Ok(config.door.public_url.clone());
    }
    let port = socket.local_addr()?.port();
    Ok(PublicUrl::parse(&format!("http://localhost:{port}"))?)
}

fn options(config: &Config, public_url: &PublicUrl) -> Options {
    let sessions = match &config.keeping.sessions {
        SessionsIn::Memory => SessionsKept::InMemory(config.keeping.memory_limit),
        SessionsIn::Database => SessionsKept::InDatabase,
        SessionsIn::Redis { url } => SessionsKept::InRedis { url: url.clone() },
    };
    let clock = Clock::system();
    let metrics =
        if config.metrics_listen.is_some() { Metrics::on(&clock) } else { Metrics::off() };
    Options {
        database: database_at(&config.keeping.database),
        database_connections: config.keeping.database_connections,
        sessions,
        cache: config.keeping.cache,
        policy: config.policy,
        public_url: public_url.to_string(),
        signup_is_open: config.sign_ups.signup == Signup::Open,
        password_min_length: config.sign_ups.password_min_length,
        throttles: config.throttles,
        trusted_proxies: config.door.trusted_proxies.clone(),
        trusted_origins: config.door.trusted_origins.clone(),
        retention: config.retention,
        webhook: config.webhook.clone(),
        audit_lines: None,
        hashing: HasherOptions::default(),
        clock,
        entropy: Entropy::operating_system(),
        metrics,
    }
}

fn serving(config: &Config) -> ServeOptions {
    ServeOptions {
        max_connections: super::open_files::connections(config.door.max_connections),
        max_connections_per_network: config.door.max_connections_per_network,
        trusted_proxies: TrustedProxies::new(config.door.trusted_proxies.clone()),
        ..ServeOptions::default()
    }
}
