//! `anteroom serve`: the settings made into a server, and the server run until it is told to stop.

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::Failure;
use super::administration::database_at;
use super::tables::{print, print_aside};
use crate::accounts::HasherOptions;
use crate::audit::AuditLines;
use crate::clock::Clock;
use crate::config::{Config, SessionsIn, Signup};
use crate::entropy::Entropy;
use crate::http::{PublicUrl, ServeOptions, TrustedProxies};
use crate::metrics::Metrics;
use crate::{Anteroom, Options, SessionsKept, telemetry};

pub(super) async fn serve(config: Config) -> Result<(), Failure> {
    telemetry::start(&config.logging.log, config.logging.format)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let listen = config.door.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        format!("cannot listen on {listen}: {error}; stop what does, or set ANTEROOM_LISTEN")
    })?;
    let metrics_listener = metrics_listener(&config).await?;
    let public_url = public_url(&config, &listener)?;
    let mut options = options(&config, &public_url);
    if config.logging.audit_on_stdout {
        options.audit_lines = Some(AuditLines::to(std::io::stdout())?);
    }
    let anteroom = Anteroom::start(options).await?;
    if let Err(error) = anteroom.audit().note_settings(&config.shown()).await {
        tracing::warn!(%error, "the settings are not compared with those of the last start");
    }
    // Listening for signals before anybody knows the address: an early one must not be lost.
    let stop = stop_signal()?;

    // Whoever reads events there has to read nothing else.
    let print = if config.logging.audit_on_stdout { print_aside } else { print };
    print(&format!("Anteroom is listening on {}", public_url.origin()))?;
    if let Some(link) = anteroom.issue_setup_link().await? {
        print(&format!("There is no administrator yet. Make one, within an hour, at:\n  {link}"))?;
    }
    let sessions = anteroom.sessions().clone();
    let stop = async move {
        stop.await;
        // Open event streams would hold the drain to its end.
        sessions.close_watches();
    };
    let metrics = serve_metrics(metrics_listener, &anteroom);
    crate::http::serve_with(listener, anteroom.front(), serving(&config), stop).await;
    // Only now: how the last requests end is worth seeing too.
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    anteroom.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// Where metrics are told, if anywhere.
async fn metrics_listener(config: &Config) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = config.metrics_listen else { return Ok(None) };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!(
            "cannot listen on {address} for metrics: {error}; stop what does, or set \
             ANTEROOM_METRICS_LISTEN"
        )
    })?;
    tracing::info!("metrics are at http://{}/metrics", listener.local_addr()?);
    Ok(Some(listener))
}

fn serve_metrics(listener: Option<TcpListener>, anteroom: &Anteroom) -> Option<JoinHandle<()>> {
    let (listener, router) = (listener?, anteroom.metrics_router()?);
    Some(tokio::spawn(crate::http::serve(listener, router, std::future::pending())))
}

/// The URL that was set, or the loopback one with the port that the system chose.
fn public_url(config: &Config, listener: &TcpListener) -> Result<PublicUrl, Failure> {
    if config.has_public_url() || config.door.listen.port() != 0 {
        return Ok(config.door.public_url.clone());
    }
    let port = listener.local_addr()?.port();
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

/// Done when the process is asked to stop, by the system or at the terminal.
fn stop_signal() -> Result<impl Future<Output = ()> + Send, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
