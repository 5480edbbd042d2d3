//! Settings of an embedded Anteroom.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Anteroom, Options, OwnStore, StartupError};
use crate::accounts::SecondFactorPolicy;
use crate::audit::Kind;
use crate::config::{SessionStorage, Signup, values};
use crate::metrics::Metrics;
use crate::sessions::SessionStore;
use crate::store::DatabaseAt;
use crate::throttle::ThrottleOptions;
use crate::webhook::WebhookOptions;

/// Settings of an embedded Anteroom; [`Anteroom::builder`] makes one with the defaults.
///
/// The defaults are those of the settings of the `anteroom` program. A value that cannot be used is
/// reported by [`AnteroomBuilder::start`].
///
/// ```no_run
/// use std::time::Duration;
///
/// use anteroom::{Anteroom, SessionStorage, Signup};
///
/// # async fn example() -> Result<(), anteroom::StartupError> {
/// let anteroom = Anteroom::builder("https://app.example.org")
///     .database("postgres://app@db.example.org/app?sslmode=verify-full")
///     .sessions(SessionStorage::Redis { url: "rediss://cache.example.org".into() })
///     .idle_timeout(Duration::from_secs(30 * 60))
///     .signup(Signup::Closed)
///     .trusted_proxies(["10.0.0.0/8"])
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing runs before `start`"]
pub struct AnteroomBuilder {
    options: Options,
    /// The first value that cannot be used.
    mistake: Option<String>,
}

impl AnteroomBuilder {
    pub(super) fn new(public_url: String) -> Self {
        Self { options: Options::new("anteroom.db", public_url), mistake: None }
    }

    /// Accounts and audit trail: `sqlite:PATH`, a path, or `postgres://…`. A `SQLite` file is
    /// created as needed. Default: `sqlite:anteroom.db`.
    pub fn database(mut self, database: impl Into<DatabaseAt>) -> Self {
        self.options.database = database.into();
        self
    }

    /// The key file, relative to the folder of a `SQLite` file, beside which it is created at the
    /// first start. Default: `anteroom.key`.
    pub fn key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.options.key_file = path.into();
        self
    }

    /// The most connections to a `PostgreSQL` server; one more listens for changes. Default: 16.
    pub fn database_connections(mut self, most: u32) -> Self {
        if let Err(mistake) = values::database_connections(&most.to_string()) {
            return self.mistaken("database_connections", &mistake);
        }
        self.options.database_connections = most;
        self
    }

    /// Where sessions are stored. Default: in the database.
    pub fn sessions(mut self, storage: SessionStorage) -> Self {
        if let SessionStorage::Memory { limit } = &storage
            && let Err(mistake) = values::memory_limit(&limit.to_string())
        {
            return self.mistaken("sessions", &mistake);
        }
        self.options.sessions = storage;
        self
    }

    /// Keeps sessions in a store of the application, instead of [`AnteroomBuilder::sessions`].
    ///
    /// Every check asks the store: [`AnteroomBuilder::cache`] has no effect. The program refuses to
    /// run a command on the database, because it cannot reach the sessions. The trait and its types
    /// are in the hidden module `anteroom::sessions`, and may change in any release.
    /// `examples/own_store` implements it.
    pub fn session_store(mut self, store: Arc<dyn SessionStore>) -> Self {
        self.options.session_store = Some(OwnStore(store));
        self
    }

    /// Whether session checks are answered from memory. A revoked session is refused at once either
    /// way. Default: `true`.
    pub fn cache(mut self, on: bool) -> Self {
        self.options.cache = on;
        self
    }

    /// Ends a session this long after its last request. Default: 1 hour. Sessions with
    /// "remember me" and those of administrators have separate timeouts.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.options.policy.standard.idle = timeout;
        self
    }

    /// Ends a session this long after sign-in, even while it is in use. Default: 24 hours.
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.options.policy.standard.absolute = timeout;
        self
    }

    /// Both timeouts of a session with "remember me". Default: 14 and 30 days.
    pub fn remember_timeouts(mut self, idle: Duration, absolute: Duration) -> Self {
        self.options.policy.remembered.idle = idle;
        self.options.policy.remembered.absolute = absolute;
        self
    }

    /// Both timeouts of an administrator's session. Default: 15 minutes and 12 hours.
    pub fn admin_timeouts(mut self, idle: Duration, absolute: Duration) -> Self {
        self.options.policy.administrator.idle = idle;
        self.options.policy.administrator.absolute = absolute;
        self
    }

    /// Live sessions that one user may have. One more ends the least recently used. Default: 20.
    pub fn session_limit(mut self, most: u32) -> Self {
        if let Err(mistake) = values::session_limit(&most.to_string()) {
            return self.mistaken("session_limit", &mistake);
        }
        self.options.policy.limit.most = most;
        self
    }

    /// Whether people may create their own account. Default: [`Signup::Open`].
    pub fn signup(mut self, signup: Signup) -> Self {
        self.options.signup_is_open = signup == Signup::Open;
        self
    }

    /// Minimum length of a new password in code points, 8 to 128. Default: 15 (NIST SP 800-63B).
    pub fn password_min_length(mut self, characters: usize) -> Self {
        if let Err(mistake) = values::password_min_length(&characters.to_string()) {
            return self.mistaken("password_min_length", &mistake);
        }
        self.options.password_min_length = characters;
        self
    }

    /// Who must have a second factor. Default: [`SecondFactorPolicy::Optional`].
    pub fn second_factor(mut self, policy: SecondFactorPolicy) -> Self {
        self.options.second_factor = policy;
        self
    }

    /// Whether people may sign in with passkeys. Default: `true`.
    pub fn passkeys(mut self, on: bool) -> Self {
        self.options.passkeys = on;
        self
    }

    /// Limits on wrong passwords and sign-ups. Default: 10 wrong passwords per account and 30 per
    /// network in 10 minutes, 20 sign-ups per network and hour.
    pub fn throttles(mut self, limits: ThrottleOptions) -> Self {
        self.options.throttles = limits;
        self
    }

    /// Addresses and networks of proxies whose `X-Forwarded-*` headers are read, for example
    /// `["10.0.0.0/8", "fd00::1"]`. Default: none.
    pub fn trusted_proxies<T: AsRef<str>>(mut self, networks: impl IntoIterator<Item = T>) -> Self {
        match values::networks(&joined(networks)) {
            Ok(networks) => self.options.trusted_proxies = networks,
            Err(mistake) => return self.mistaken("trusted_proxies", &mistake),
        }
        self
    }

    /// Origins of the same site that may call the API with cookies, for example
    /// `["https://app.example.org"]`. Default: none.
    pub fn trusted_origins<T: AsRef<str>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        match values::origins(&joined(origins)) {
            Ok(origins) => self.options.trusted_origins = origins,
            Err(mistake) => return self.mistaken("trusted_origins", &mistake),
        }
        self
    }

    /// Sends every audit event to `url` as a request signed with `secret`, which has at least 32
    /// characters. Default: none.
    pub fn webhook(mut self, url: &str, secret: &str) -> Self {
        match (values::webhook_url(url), values::webhook_secret(secret)) {
            (Ok(Some(target)), Ok(Some(secrets))) => {
                let events = Kind::ALL.into();
                self.options.webhook = Some(WebhookOptions { target, secrets, events });
                self
            }
            (Err(mistake), _) | (_, Err(mistake)) => self.mistaken("webhook", &mistake),
            (Ok(None), _) | (_, Ok(None)) => self.mistaken("webhook", "needs a URL and a secret"),
        }
    }

    /// Collects metrics, which [`Anteroom::metrics_router`] serves. Default: off.
    pub fn metrics(mut self) -> Self {
        self.options.metrics = Metrics::on(&self.options.clock);
        self
    }

    /// Opens the stores and starts the background tasks. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`StartupError`] says what to do.
    pub async fn start(self) -> Result<Anteroom, StartupError> {
        if let Some(mistake) = self.mistake {
            return Err(StartupError::Setting(mistake));
        }
        let policy = &self.options.policy;
        for timeouts in [policy.standard, policy.remembered, policy.administrator] {
            if timeouts.idle.is_zero() {
                return Err(StartupError::Setting("an idle timeout is zero".to_owned()));
            }
            if timeouts.idle > timeouts.absolute {
                let mistake = "an idle timeout is longer than the absolute timeout beside it";
                return Err(StartupError::Setting(mistake.to_owned()));
            }
        }
        Anteroom::start(self.options).await
    }

    fn mistaken(mut self, setting: &str, mistake: &str) -> Self {
        self.mistake.get_or_insert_with(|| format!("{setting}: {mistake}"));
        self
    }
}

fn joined<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.as_ref().to_owned()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
