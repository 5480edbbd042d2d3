//! `anteroom serve`: the settings made into a server, and the server run until it is told to stop.

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::Failure;
use super::tables::print;
use crate::accounts::HasherOptions;
use crate::clock::Clock;
use crate::config::{Config, Database, SessionsIn, Signup};
use crate::entropy::Entropy;
use crate::http::PublicUrl;
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
    let public_url = public_url(&config, &listener)?;
    let anteroom = Anteroom::start(options(&config, &public_url)?).await?;
    if let Err(error) = anteroom.audit().note_settings(&config.shown()).await {
        tracing::warn!(%error, "the settings are not compared with those of the last start");
    }
    // Listening for signals before anybody knows the address: an early one must not be lost.
    let stop = stop_signal()?;

    print(&format!("Anteroom is listening on {}", public_url.origin()));
    if let Some(link) = anteroom.issue_setup_link().await? {
        print(&format!("There is no administrator yet. Make one, within an hour, at:\n  {link}"));
    }
    let sessions = anteroom.sessions().clone();
    let stop = async move {
        stop.await;
        // Open event streams would hold the drain to its end.
        sessions.close_watches();
    };
    crate::http::serve(listener, anteroom.router(), stop).await;
    anteroom.stop().await;
    tracing::info!("stopped");
    Ok(())
}

/// The URL that was set, or the loopback one with the port that the system chose.
fn public_url(config: &Config, listener: &TcpListener) -> Result<PublicUrl, Failure> {
    if config.has_public_url() || config.door.listen.port() != 0 {
        return Ok(config.door.public_url.clone());
    }
    let port = listener.local_addr()?.port();
    Ok(PublicUrl::parse(&format!("http://localhost:{port}"))?)
}

fn options(config: &Config, public_url: &PublicUrl) -> Result<Options, Failure> {
    let Database::Sqlite { path } = &config.keeping.database else {
        return Err("this release keeps accounts in SQLite only: write sqlite:PATH".into());
    };
    let sessions = match config.keeping.sessions {
        SessionsIn::Memory => SessionsKept::InMemory(config.keeping.memory_limit),
        SessionsIn::Database => SessionsKept::InDatabase,
        SessionsIn::Redis { .. } => {
            return Err("this release keeps no sessions in Redis: write database or memory:".into());
        }
    };
    Ok(Options {
        database: path.clone(),
        sessions,
        policy: config.policy,
        public_url: public_url.to_string(),
        signup_is_open: config.sign_ups.signup == Signup::Open,
        password_min_length: config.sign_ups.password_min_length,
        trusted_proxies: config.door.trusted_proxies.clone(),
        trusted_origins: config.door.trusted_origins.clone(),
        hashing: HasherOptions::default(),
        clock: Clock::system(),
        entropy: Entropy::operating_system(),
    })
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
