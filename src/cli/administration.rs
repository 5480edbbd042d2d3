//! The rooms, opened for a command beside a server that may be running.

use std::sync::Arc;

use super::Failure;
use super::tables::print;
use crate::accounts::{
    Account, Accounts, AccountsOptions, Email, Hasher, Listing, PasswordPolicy, UserId,
};
use crate::audit::{AuditOptions, AuditOutputs, AuditTrail, By, Event};
use crate::clock::Clock;
use crate::config::{Config, Database, SessionsIn as Kept};
use crate::entropy::Entropy;
use crate::sessions::{EndReason, LeaseOptions, SessionStore, Sessions, SessionsOptions};
use crate::store::{
    DatabaseAt, FollowingStore, MemoryOptions, MemoryStore, Order, RedisSessions, SessionsIn,
    SqlDatabase,
};
use crate::throttle::{Throttle, ThrottleOptions};
use crate::use_cases::{AccountChanges, RevokeSessions};

/// What commands work with.
pub(super) struct Administration {
    pub(super) accounts: Accounts,
    pub(super) sessions: Sessions,
    pub(super) account_changes: AccountChanges,
    pub(super) revoke_sessions: RevokeSessions,
    pub(super) audit: AuditTrail,
    pub(super) database: SqlDatabase,
    pub(super) clock: Clock,
    /// Which database that is, and where the sessions are if they are not in it.
    pub(super) place: String,
    /// Whether the sessions are in the memory of the server, out of reach of a command but for
    /// orders.
    pub(super) sessions_in_memory: bool,
}

impl Administration {
    /// Makes the database if there is none.
    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        let at = database_at(&config.keeping.database);
        Self::over(SqlDatabase::open(at, sessions_in(config)).await?, config).await
    }

    /// Refuses a database that is not there: whoever acts on one just made acts on nothing.
    pub(super) async fn open_existing(config: &Config) -> Result<Self, Failure> {
        let at = database_at(&config.keeping.database);
        Self::over(SqlDatabase::open_existing(at, sessions_in(config)).await?, config).await
    }

    async fn over(database: SqlDatabase, config: &Config) -> Result<Self, Failure> {
        // A command in a shell without the server's settings must not miss its sessions.
        let database = database.as_the_server_has_it().await?;
        let place = database.sessions_in();
        let sessions_in_memory = place == SessionsIn::ServerMemory;
        let (store, of_sessions) = session_store(&database, config).await?;
        let place = database.name() + &of_sessions;
        let outbox = database.outbox();
        let (clock, entropy) = (Clock::system(), Entropy::operating_system());
        let accounts = Accounts::new(AccountsOptions {
            store: Arc::new(database.clone()),
            hasher: Hasher::start(entropy.clone())?,
            policy: PasswordPolicy { min_length: config.sign_ups.password_min_length },
            // Whoever can run a command need not guess.
            throttle: Throttle::new(
                Arc::new(database.clone()),
                ThrottleOptions::off(),
                clock.clone(),
            ),
            clock: clock.clone(),
            entropy: entropy.clone(),
        });
        let audit = AuditOptions {
            store: Arc::new(database.clone()),
            clock: clock.clone(),
            entropy: entropy.clone(),
        };
        // The server delivers what is queued here.
        let announced = config.webhook.as_ref().map(|webhook| webhook.events.clone());
        let announced = announced.unwrap_or_default();
        let audit = AuditTrail::start_with_outputs(
            audit,
            AuditOutputs { announced, ..AuditOutputs::default() },
        );
        let policy = config.policy;
        // A server may be running, and remember what is changed here.
        let leases = LeaseOptions {
            sessions_elsewhere: true,
            users_elsewhere: true,
            ..LeaseOptions::default()
        };
        let sessions = Sessions::new(SessionsOptions {
            store,
            outbox,
            policy,
            clock: clock.clone(),
            entropy,
            leases,
        });
        Ok(Self {
            account_changes: AccountChanges::new(accounts.clone(), sessions.clone(), audit.clone()),
            revoke_sessions: RevokeSessions::new(accounts.clone(), sessions.clone(), audit.clone()),
            audit,
            accounts,
            sessions,
            database,
            clock,
            place,
            sessions_in_memory,
        })
    }

    /// Does something, and closes the database whatever comes of it.
    pub(super) async fn finish(
        self,
        deed: impl AsyncFnOnce(&Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let done = deed(&self).await;
        self.database.close().await;
        done
    }

    /// Prints what was done, and where.
    pub(super) fn told(&self, done: &str) -> Result<(), Failure> {
        Ok(print(&format!("{done}\ndatabase: {}", self.place))?)
    }

    /// The account of an address.
    pub(super) async fn account(&self, email: &str) -> Result<Account, Failure> {
        let email = parse_email(email)?;
        let found = self.accounts.find_by_email(&email).await?;
        found.ok_or_else(|| {
            format!("no account has the address {}: see `anteroom user list`", email.display())
                .into()
        })
    }

    /// Orders every server that keeps sessions in its memory to do something, and waits until none
    /// can have missed it.
    pub(super) async fn order(&self, order: &Order) -> Result<(), Failure> {
        self.database.give_order(order).await?;
        self.sessions.outlast_leases_of_users().await;
        Ok(())
    }

    /// Records that the server was told to end the sessions of a user; how many those are is known
    /// to it alone.
    pub(super) async fn record_ordered_ends(&self, user: UserId, reason: EndReason) {
        let event = Event::sessions_ended(user, reason, None, &By::command_line());
        self.audit.record([event.outcome("ordered")]).await;
    }

    /// Every account, a page at a time.
    pub(super) async fn all_accounts(&self) -> Result<Vec<Account>, Failure> {
        const PAGE: u32 = 500;
        let (mut all, mut after): (Vec<Account>, Option<UserId>) = (Vec::new(), None);
        loop {
            let page = self.accounts.list(&Listing { query: None, after, limit: PAGE }).await?;
            after = page.next;
            all.extend(page.accounts);
            if after.is_none() {
                return Ok(all);
            }
        }
    }
}

/// Where the settings want the sessions.
fn sessions_in(config: &Config) -> SessionsIn {
    match config.keeping.sessions {
        Kept::Memory => SessionsIn::ServerMemory,
        Kept::Database => SessionsIn::ThisDatabase,
        Kept::Redis { .. } => SessionsIn::Elsewhere,
    }
}

/// The store of the sessions, and where it is if it is not the database, to follow its name.
async fn session_store(
    database: &SqlDatabase,
    config: &Config,
) -> Result<(Arc<dyn SessionStore>, String), Failure> {
    Ok(match database.sessions_in() {
        SessionsIn::ThisDatabase => (Arc::new(database.clone()), String::new()),
        // The server has the sessions; what ends them goes there as an order.
        SessionsIn::ServerMemory => {
            let nothing = MemoryStore::new(MemoryOptions { most_sessions: 0 });
            let following = FollowingStore::start(nothing, database.clone()).await?;
            (Arc::new(following), " (sessions in the memory of the server)".to_owned())
        }
        SessionsIn::Elsewhere => {
            let redis = redis(config).await?;
            let place = format!(" (sessions in Redis at {})", redis.place());
            (Arc::new(redis), place)
        }
    })
}

/// The sessions of the server, which are in Redis.
async fn redis(config: &Config) -> Result<RedisSessions, Failure> {
    let Kept::Redis { url } = &config.keeping.sessions else {
        return Err("the server keeps its sessions in Redis: set ANTEROOM_SESSIONS as it has it, \
                    or start it with another one"
            .into());
    };
    Ok(RedisSessions::open(url).await?)
}

/// Reads the address that a command was given.
pub(super) fn parse_email(email: &str) -> Result<Email, Failure> {
    Email::parse(email).map_err(|error| format!("`{email}` is no address: {error}").into())
}

/// Where the settings want the database.
pub(super) fn database_at(database: &Database) -> DatabaseAt {
    match database {
        Database::Sqlite { path } => DatabaseAt::Sqlite(path.clone()),
        Database::Postgres { url } => DatabaseAt::Postgres(url.clone()),
    }
}
