//! Composition root: builds stores, services, router and background tasks.
//!
//! The server, embedders and the command line all use [`Stores::open`] and [`Services::new`].

mod background;
mod builder;
mod handle;
mod options;
mod services;
mod startup_error;
mod stores;

use axum::Router;
use tokio::task::JoinSet;

use background::Records;
pub use builder::AnteroomBuilder;
pub use handle::{Handle, HandleError};
pub use options::Options;
use options::OwnStore;
pub(crate) use services::Services;
pub use startup_error::StartupError;
pub use stores::Stores;
pub(crate) use stores::{OpenStores, Opener};

use crate::accounts::{Accounts, SetupLink};
use crate::audit::{AuditTrail, By};
use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::http::{
    FastPath, FormSettings, HttpOptions, PublicUrl, Service, SessionLayer, WriteLimit,
    metrics_router,
};
use crate::mail::Mail;
use crate::metrics::Metrics;
use crate::network::TrustedProxies;
use crate::sessions::Sessions;
use crate::store::SqlDatabase;
use crate::use_cases::Clients;
use crate::webhook::Webhook;

/// A running Anteroom without a listener: mount it on an axum router with [`Anteroom::mount`].
///
/// Call [`Anteroom::stop`] before the process exits, so that the last activity is written.
pub struct Anteroom {
    database: SqlDatabase,
    services: Services,
    setup_link: SetupLink,
    service: Service,
    origin: String,
    entropy: Entropy,
    metrics: Metrics,
    background: JoinSet<()>,
}

impl Anteroom {
    /// Starts with the default settings and a public URL: https, or http on loopback.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), anteroom::StartupError> {
    /// let anteroom = anteroom::Anteroom::builder("https://app.example.org")
    ///     .database("sqlite:app.db")
    ///     .trusted_proxies(["10.0.0.0/8"])
    ///     .start()
    ///     .await?;
    /// # anteroom.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(public_url: impl Into<String>) -> AnteroomBuilder {
        AnteroomBuilder::new(public_url.into())
    }

    /// Opens the stores and starts the background tasks. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`StartupError`] says what to do.
    #[doc(hidden)]
    pub async fn start(options: Options) -> Result<Self, StartupError> {
        Self::start_around(options, |stores| stores).await
    }

    /// Like [`Anteroom::start`], with stores that `wrap` replaces: to count their calls, or to make
    /// some of them fail in tests.
    ///
    /// # Errors
    /// [`StartupError`] says what to do.
    #[doc(hidden)]
    pub async fn start_around(
        options: Options,
        wrap: impl FnOnce(Stores) -> Stores + Send,
    ) -> Result<Self, StartupError> {
        let public_url = PublicUrl::parse(&options.public_url).map_err(StartupError::PublicUrl)?;
        let OpenStores { stores, database, .. } = Stores::open(&options, Opener::Server).await?;
        let stores = wrap(stores).measured(&options.metrics);
        let services = Services::new(stores, &options, Opener::Server)?;
        let setup_link = SetupLink::new(options.clock.clone());
        let origin = public_url.origin().to_owned();
        let service = Service::new(HttpOptions {
            accounts: services.accounts.clone(),
            sessions: services.sessions.clone(),
            audit: services.audit.clone(),
            webhook: services.webhook.clone(),
            mail: services.mail.clone(),
            tokens: services.tokens.clone(),
            setup_link: setup_link.clone(),
            public_url,
            trusted_origins: options.trusted_origins,
            proxies: TrustedProxies::new(options.trusted_proxies),
            forward_auth: options.forward_auth.clone(),
            form_settings: FormSettings {
                signup_is_open: options.signup_is_open,
                password_min_length: u32::try_from(options.password_min_length).unwrap_or(u32::MAX),
                recovery_is_open: services.mail.is_on(),
                passkeys_are_on: services.accounts.passkeys_are_on(),
            },
            clock: options.clock,
            entropy: options.entropy.clone(),
            metrics: options.metrics.clone(),
        });
        let records = Records {
            database: database.clone(),
            retention: options.retention,
            webhook: services.webhook.clone(),
            mail: services.mail.clone(),
            clients: services.clients(),
        };
        let background = background::start(&services, records, &service);
        let Options { entropy, metrics, .. } = options;
        Ok(Self { database, services, setup_link, service, origin, entropy, metrics, background })
    }

    /// Adds every route of Anteroom to `routes`, and the session layer around `routes`.
    ///
    /// Handlers in `routes` can then use [`crate::CurrentUser`], the other extractors and
    /// [`tower_sessions::Session`](crate::tower_sessions::Session). Serve the result with
    /// [`crate::serve`], or with `into_make_service_with_connect_info::<SocketAddr>()`: without
    /// `ConnectInfo` the per-network limits do not apply.
    ///
    /// The checks of origin and body size and the security headers cover the routes of Anteroom, not
    /// `routes`. Handlers there that change something rely on `SameSite=Lax` of the cookie, or need
    /// a check of their origin.
    ///
    /// # Panics
    /// When `routes` has a fallback, or a path that Anteroom also has.
    ///
    /// ```no_run
    /// use anteroom::{Anteroom, CurrentUserOrLogin};
    /// use axum::{Router, routing::get};
    ///
    /// async fn members(CurrentUserOrLogin(current): CurrentUserOrLogin) -> String {
    ///     format!("Welcome, {}.", current.user.email.as_str())
    /// }
    ///
    /// # async fn example() -> Result<(), anteroom::StartupError> {
    /// let anteroom = Anteroom::builder("http://localhost:3000").start().await?;
    /// let app = anteroom.mount(Router::new().route("/members", get(members)));
    /// # let _: Router = app;
    /// # Ok(())
    /// # }
    /// ```
    pub fn mount(&self, routes: Router) -> Router {
        routes.layer(self.session_layer()).merge(self.service.mountable())
    }

    /// Access to accounts and sessions from the code of the application. Cheap to clone.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::new(self.services.clone(), By::server())
    }

    /// Every route of Anteroom, without the fast path and the write limit that [`Anteroom::mount`]
    /// puts around them.
    pub fn router(&self) -> Router {
        self.service.router()
    }

    /// The same routes as [`Anteroom::router`], with session checks answered from the cache before
    /// the router runs: for [`crate::server::serve_with`].
    #[doc(hidden)]
    #[must_use]
    pub fn front(&self) -> FastPath<WriteLimit<Router>> {
        self.service.front()
    }

    /// `GET /metrics` and nothing else, for a listener on a private address. `None` unless
    /// [`AnteroomBuilder::metrics`] is set.
    #[must_use]
    pub fn metrics_router(&self) -> Option<Router> {
        let sessions = self.services.sessions.clone();
        self.metrics.is_on().then(|| metrics_router(self.metrics.clone(), sessions))
    }

    /// The layer behind which handlers can use the extractors. It covers only the routes that a
    /// router has at the time of `.layer(…)`, so prefer [`Anteroom::mount`].
    #[must_use]
    pub fn session_layer(&self) -> SessionLayer {
        self.service.session_layer()
    }

    /// The accounts. Calls are not audited; see [`Anteroom::handle`].
    #[doc(hidden)]
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.services.accounts
    }

    /// The sessions. Calls are not audited; see [`Anteroom::handle`].
    #[doc(hidden)]
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.services.sessions
    }

    /// The webhook.
    #[doc(hidden)]
    #[must_use]
    pub fn webhook(&self) -> &Webhook {
        &self.services.webhook
    }

    /// Mail.
    #[doc(hidden)]
    #[must_use]
    pub fn mail(&self) -> &Mail {
        &self.services.mail
    }

    /// Clients and signing keys.
    #[doc(hidden)]
    #[must_use]
    pub fn clients(&self) -> Clients {
        self.services.clients()
    }

    /// The audit trail.
    #[doc(hidden)]
    #[must_use]
    pub fn audit(&self) -> &AuditTrail {
        &self.services.audit
    }

    /// A one-time link that creates the first administrator, valid for an hour. `None` while there
    /// is an administrator. A new link voids the previous one.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn issue_setup_link(&self) -> Result<Option<String>, StoreError> {
        if self.services.accounts.has_administrator().await? {
            return Ok(None);
        }
        let token = self.setup_link.issue(&self.entropy)?;
        Ok(Some(format!("{}/setup?token={token}", self.origin)))
    }

    /// Writes pending activity and audit events, then closes the stores. Call it after the listener
    /// has stopped.
    pub async fn stop(mut self) {
        // At once, so that a stop takes no longer than the longer of the two.
        tokio::join!(
            crate::detached::drain(),
            async {
                if self.services.webhook.is_on() {
                    self.services.webhook.finish_deliveries().await;
                }
            },
            async {
                if self.services.mail.is_on() {
                    self.services.mail.finish_deliveries().await;
                }
            }
        );
        self.background.shutdown().await;
        if let Err(error) = self.services.sessions.flush().await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "could not write the last activity of some sessions");
        }
        background::record_timeouts(&self.services.sessions, &self.services.audit).await;
        self.services.audit.flush().await;
        self.database.close().await;
    }
}
