//! What only a database server can get wrong: several who write at once, connections that go away,
//! rights, and another engine's idea of an answer.

mod answers;
mod capacity;
mod children;
mod faults;
mod freshness;
mod program;
mod racing;
mod rights;
mod round_trips;
mod tls;
mod upgrade;

use std::sync::Arc;

use anteroom::accounts::{
    Account, AccountStore, Addition, Email, Epoch, Groups, Name, PasswordHash, Role, Status, User,
    UserId,
};
use anteroom::entropy::Entropy;
use anteroom::sessions::{
    Client, EndReason, Limit, LimitPolicy, Owner, Session, SessionId, SessionPolicy, SessionStore,
    Start, TimeoutRule, TokenDigest,
};
use anteroom::store::{SessionLocation, SqlDatabase};
use anteroom::throttle::ThrottleStore;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use crate::harness::postgres::Database;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-21 09:00 UTC);

/// Servers on one database, which goes with them.
struct Nodes {
    database: Database,
    all: Vec<SqlDatabase>,
}

impl Nodes {
    async fn start(number: usize, sessions_in: SessionLocation) -> Option<Self> {
        let database = Database::fresh().await?;
        let mut all = Vec::new();
        for _ in 0..number {
            all.push(SqlDatabase::open_for_server(&*database.url, sessions_in).await.unwrap());
        }
        Some(Self { database, all })
    }

    /// Servers in turn.
    fn node(&self, turn: usize) -> SqlDatabase {
        self.all[turn % self.all.len()].clone()
    }

    fn accounts(&self, turn: usize) -> Arc<dyn AccountStore> {
        Arc::new(self.node(turn))
    }

    fn sessions(&self, turn: usize) -> Arc<dyn SessionStore> {
        Arc::new(self.node(turn))
    }

    fn throttle(&self, turn: usize) -> Arc<dyn ThrottleStore> {
        Arc::new(self.node(turn))
    }
}

fn random<const N: usize>() -> [u8; N] {
    Entropy::operating_system().bytes().unwrap()
}

pub(crate) fn fresh_uuid() -> Uuid {
    Uuid::from_bytes(random())
}

pub(crate) fn fresh_user() -> UserId {
    UserId::from_uuid(fresh_uuid())
}

pub(crate) fn fresh_digest() -> TokenDigest {
    TokenDigest::from_bytes(random())
}

/// A sign-in of `user` under an epoch.
pub(crate) fn start_of(user: UserId, epoch: Epoch, limit: u32) -> Start {
    let policy = SessionPolicy::default();
    Start {
        session: Session {
            id: SessionId::from_uuid(fresh_uuid()),
            owner: Owner::User { id: user, epoch },
            created_at: NOW,
            authenticated_at: Some(NOW),
            second_factor: None,
            passkey: None,
            last_seen_at: NOW,
            expires_at: policy.expires_at(TimeoutRule::Standard, NOW),
            rule: TimeoutRule::Standard,
            remember_me: false,
            client: Client { ip_address: None, user_agent: String::new() },
            moved_to: None,
        },
        digest: fresh_digest(),
        previous_token: None,
        outdated: EndReason::Replaced,
        limit: Some(Limit { most: limit, policy: LimitPolicy::EvictOldest }),
        unwritten: Vec::new(),
        cutoffs: policy.cutoffs(NOW),
    }
}

/// Adds an account of this address.
async fn add(store: &dyn AccountStore, email: &str, role: Role) -> Account {
    let user = User {
        id: fresh_user(),
        email: Email::parse(email).unwrap(),
        email_verified: true,
        name: Name::parse("Ada").unwrap(),
        role,
        groups: Groups::default(),
        status: Status::Active,
        created_at: NOW,
    };
    let hash = PasswordHash::from_stored("$argon2id$".to_owned());
    store.add(&user, &hash, &Addition::default()).await.unwrap();
    store.find(user.id).await.unwrap().unwrap()
}

/// Lets every future go at the same instant, each on a task of its own.
async fn at_once<T: Send + 'static>(
    futures: Vec<impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let barrier = Arc::new(tokio::sync::Barrier::new(futures.len()));
    let tasks: Vec<_> = futures
        .into_iter()
        .map(|future| {
            let barrier = barrier.clone();
            tokio::spawn(async move {
                barrier.wait().await;
                future.await
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}
