//! `anteroom serve`: starts the server and runs it until a signal stops it.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use super::signals::Signals;
use super::{Failure, starting};
use crate::audit::AuditLines;
use crate::config::{Config, Logging};
use crate::http::PublicUrl;
use crate::network::TrustedProxies;
use crate::server::ServeOptions;
use crate::{Anteroom, Options, telemetry};

/// Length of the queue of connections that are not yet accepted.
const BACKLOG: u32 = 1024;

pub(super) async fn serve(config: Config, mut signals: Signals) -> Result<(), Failure> {
    let Logging { log, format, collector, .. } = &config.logging;
    let traces = telemetry::start(log, *format, collector.as_ref())?;
    let rules = &config.http.forward_auth.rules;
    signals.handle_others(rules);
    if let Some(file) = rules.file() {
        tracing::info!(path = %file.path.display(), rules = rules.current().count(), "read the rules");
    }
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    // Bind first, so that a wrong address fails at once. Connections are refused until `listen`.
    let socket = bind(config.http.listen, Purpose::Http)?;
    let bind_metrics = |address| bind(address, Purpose::Metrics);
    let metrics_socket = config.metrics_listen.map(bind_metrics).transpose()?;
    let public_url = public_url(&config, &socket)?;
    let mut options = Options { public_url: public_url.to_string(), ..Options::from(&config) };
    if config.logging.audit_on_stdout {
        options.audit_lines = Some(AuditLines::to(std::io::stdout())?);
    }
    let anteroom = tokio::select! {
        started = starting::start_when_ready(options, config.storage.store_wait) => started?,
        () = signals.stop_requested() => {
            tracing::info!("stopped during the start");
            return Ok(());
        }
    };
    // Servers of one database differ in their addresses, which is no change of the settings.
    let mut settings = config.shown();
    settings.remove("ANTEROOM_LISTEN");
    if let Err(error) = anteroom.audit().note_settings(&settings).await {
        tracing::warn!(%error, "could not record changed settings in the audit trail");
    }
    let listener = listen(socket, config.http.listen, Purpose::Http)?;
    let metrics_listener = metrics_listener(metrics_socket, config.metrics_listen)?;
    let setup_link = anteroom.issue_setup_link().await?;
    starting::announce(&config.logging, public_url.origin(), setup_link.as_deref())?;
    let sessions = anteroom.sessions().clone();
    let stop = async move {
        signals.stop_requested().await;
        // Open event streams would delay the drain until its timeout.
        sessions.close_subscriptions();
    };
    let metrics = serve_metrics(metrics_listener, &anteroom);
    crate::server::serve_with(listener, anteroom.front(), serve_options(&config), stop).await;
    // Last, so that metrics include the drained requests.
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    anteroom.stop().await;
    traces.flush().await;
    tracing::info!("stopped");
    Ok(())
}

/// The purpose of a listener.
#[derive(Clone, Copy)]
enum Purpose {
    Http,
    Metrics,
}

/// Binds an address without listening yet.
fn bind(address: SocketAddr, purpose: Purpose) -> Result<TcpSocket, Failure> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(socket)
    };
    bound().map_err(|error| cannot_listen(&error, address, purpose))
}

fn listen(
    socket: TcpSocket,
    address: SocketAddr,
    purpose: Purpose,
) -> Result<TcpListener, Failure> {
    socket.listen(BACKLOG).map_err(|error| cannot_listen(&error, address, purpose))
}

fn cannot_listen(error: &io::Error, address: SocketAddr, purpose: Purpose) -> Failure {
    let (suffix, setting) = match purpose {
        Purpose::Http => ("", "ANTEROOM_LISTEN"),
        Purpose::Metrics => (" for metrics", "ANTEROOM_METRICS_LISTEN"),
    };
    format!("cannot listen on {address}{suffix}: {error}; stop the other process, or set {setting}")
        .into()
}

/// The listener for metrics, where one is configured.
fn metrics_listener(
    socket: Option<TcpSocket>,
    address: Option<SocketAddr>,
) -> Result<Option<TcpListener>, Failure> {
    let (Some(socket), Some(address)) = (socket, address) else { return Ok(None) };
    let listener = listen(socket, address, Purpose::Metrics)?;
    tracing::info!("metrics are at http://{}/metrics", listener.local_addr()?);
    Ok(Some(listener))
}

fn serve_metrics(listener: Option<TcpListener>, anteroom: &Anteroom) -> Option<JoinHandle<()>> {
    let (listener, router) = (listener?, anteroom.metrics_router()?);
    Some(tokio::spawn(crate::server::serve(listener, router, std::future::pending())))
}

/// The configured URL, or the loopback URL with the port that the system chose.
fn public_url(config: &Config, socket: &TcpSocket) -> Result<PublicUrl, Failure> {
    if config.has_public_url() || config.http.listen.port() != 0 {
        return Ok(config.http.public_url.clone());
    }
    let port = socket.local_addr()?.port();
    Ok(PublicUrl::parse(&format!("http://localhost:{port}"))?)
}

fn serve_options(config: &Config) -> ServeOptions {
    ServeOptions {
        max_connections: super::open_files::connections(config.http.max_connections),
        max_connections_per_network: config.http.max_connections_per_network,
        trusted_proxies: TrustedProxies::new(config.http.trusted_proxies.clone()),
        ..ServeOptions::default()
    }
}
