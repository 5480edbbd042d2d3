//! A server whose accounts cannot be had, in one way or the other.

use std::sync::Arc;

use anteroom::accounts::{
    Account, AccountStore, AddError, Change, ChangeError, Changed, Credentials, Email, Listing,
    PasswordHash, User, UserId,
};
use anteroom::failure::StoreError;
use anteroom::{Anteroom, Options, Stores};
use async_trait::async_trait;
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::browser::Browser;

/// What the store says, and no answer may.
pub const INSIDES: &str = "SELECT password_hash FROM users in /srv/anteroom.db, sqlx 0.9";

/// How a call of the store ends.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Error,
    Panic,
}

struct BrokenAccounts(Fault);

impl BrokenAccounts {
    fn fail(&self) -> StoreError {
        match self.0 {
            Fault::Error => StoreError::backend(std::io::Error::other(INSIDES)),
            Fault::Panic => panic!("{INSIDES}"),
        }
    }
}

#[async_trait]
impl AccountStore for BrokenAccounts {
    async fn add(&self, _: &User, _: &PasswordHash, _: bool) -> Result<(), AddError> {
        Err(self.fail().into())
    }

    async fn find(&self, _: UserId) -> Result<Option<Account>, StoreError> {
        Err(self.fail())
    }

    async fn credentials(&self, _: UserId) -> Result<Option<Credentials>, StoreError> {
        Err(self.fail())
    }

    async fn credentials_by_email(&self, _: &Email) -> Result<Option<Credentials>, StoreError> {
        Err(self.fail())
    }

    async fn list(&self, _: &Listing) -> Result<Vec<Account>, StoreError> {
        Err(self.fail())
    }

    async fn has_administrator(&self) -> Result<bool, StoreError> {
        Err(self.fail())
    }

    async fn upgrade_hash(
        &self,
        _: UserId,
        _: &PasswordHash,
        _: &PasswordHash,
    ) -> Result<bool, StoreError> {
        Err(self.fail())
    }

    async fn change(
        &self,
        _: UserId,
        _: &Change,
        _: OffsetDateTime,
    ) -> Result<Changed, ChangeError> {
        Err(self.fail().into())
    }

    async fn ready(&self) -> Result<(), StoreError> {
        Err(self.fail())
    }
}

pub struct BrokenServer {
    pub browser: Browser,
    serving: JoinHandle<()>,
    _anteroom: Anteroom,
    _folder: TempDir,
}

impl BrokenServer {
    pub async fn start(fault: Fault, public_url: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = Options::new(folder.path().join("anteroom.db"), public_url);
        let broken = |stores| Stores { accounts: Arc::new(BrokenAccounts(fault)), ..stores };
        let anteroom = Anteroom::start_around(options, broken).await.unwrap();
        let router = anteroom.router();
        let serving = tokio::spawn(anteroom::http::serve(listener, router, std::future::pending()));
        let browser = Browser::of(address, public_url);
        Self { browser, serving, _anteroom: anteroom, _folder: folder }
    }
}

impl Drop for BrokenServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
