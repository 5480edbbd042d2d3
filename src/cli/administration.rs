//! The services, opened for a command beside a server that may be running.

use super::Failure;
use super::tables::print;
use crate::Options;
use crate::accounts::{Account, Accounts, Email, Listing, UserId};
use crate::app::{Handle, OpenStores, Opener, Services, Stores};
use crate::audit::{AuditTrail, By, Event};
use crate::config::Config;
use crate::mail::Mail;
use crate::metrics::Metrics;
use crate::sessions::{EndReason, Sessions};
use crate::store::{SessionLocation, SessionOrder, SqlDatabase};
use crate::throttle::ThrottleOptions;
use crate::use_cases::{Clients, RevokeSessions};

/// The services that commands call.
pub(super) struct Administration {
    pub(super) accounts: Accounts,
    pub(super) sessions: Sessions,
    pub(super) handle: Handle,
    pub(super) revoke_sessions: RevokeSessions,
    pub(super) audit: AuditTrail,
    pub(super) mail: Mail,
    pub(super) clients: Clients,
    pub(super) database: SqlDatabase,
    /// The database, and the place of the sessions where that is another.
    pub(super) location: String,
    /// Whether the sessions are in the memory of the server, where commands reach them only by
    /// orders.
    pub(super) sessions_in_memory: bool,
}

impl Administration {
    /// Creates the database if there is none.
    pub(super) async fn open(config: &Config) -> Result<Self, Failure> {
        Self::open_as(Opener::Command { may_create: true }, config).await
    }

    /// Refuses a missing database: a command on a new, empty one would change nothing.
    pub(super) async fn open_existing(config: &Config) -> Result<Self, Failure> {
        Self::open_as(Opener::Command { may_create: false }, config).await
    }

    async fn open_as(opener: Opener, config: &Config) -> Result<Self, Failure> {
        let options = Options {
            // A person who can run a command need not guess passwords.
            throttles: ThrottleOptions::off(),
            metrics: Metrics::off(),
            ..Options::from(config)
        };
        let OpenStores { stores, database, location } = Stores::open(&options, opener).await?;
        let services = Services::new(stores, &options, opener)?;
        Ok(Self {
            accounts: services.accounts.clone(),
            sessions: services.sessions.clone(),
            audit: services.audit.clone(),
            mail: services.mail.clone(),
            clients: services.clients(),
            revoke_sessions: services.revoke_sessions(),
            handle: Handle::new(services, By::command_line()),
            sessions_in_memory: database.sessions_in() == SessionLocation::ServerMemory,
            database,
            location,
        })
    }

    /// Runs a command, then closes the database whether it succeeded or not.
    pub(super) async fn finish(
        self,
        command: impl AsyncFnOnce(&Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let result = command(&self).await;
        self.database.close().await;
        result
    }

    /// Prints the result of a command, and the database it used.
    pub(super) fn report(&self, result: &str) -> Result<(), Failure> {
        Ok(print(&format!("{result}\ndatabase: {}", self.location))?)
    }

    /// The account with this address.
    pub(super) async fn account(&self, email: &str) -> Result<Account, Failure> {
        let email = parse_email(email)?;
        let found = self.accounts.find_by_email(&email).await?;
        found.ok_or_else(|| {
            format!("no account has the address {}: see `anteroom user list`", email.display())
                .into()
        })
    }

    /// Sends an order to every server that keeps sessions in its memory, and waits until every
    /// server follows it.
    pub(super) async fn order(&self, order: &SessionOrder) -> Result<(), Failure> {
        self.database.give_order(order).await?;
        self.sessions.wait_for_user_leases().await;
        Ok(())
    }

    /// Records that the server was ordered to end the sessions of a user. Only the server knows how
    /// many there are.
    pub(super) async fn record_ordered_ends(&self, user: UserId, reason: EndReason) {
        let event = Event::sessions_ended(user, reason, None, &By::command_line());
        self.audit.record([event.outcome("ordered")]).await;
    }

    /// Every account, read one page at a time.
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

/// Reads the address argument of a command.
pub(super) fn parse_email(email: &str) -> Result<Email, Failure> {
    Email::parse(email)
        .map_err(|error| format!("`{email}` is not an email address: {error}").into())
}
