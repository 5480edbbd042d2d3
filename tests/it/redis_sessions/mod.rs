//! Sessions in Redis: what is Redis' own about them. The promises that every store keeps are in
//! `store_contract.rs`.

mod account_changes;
mod commands;
mod crashes;
mod dump;
mod figures;
mod freshness;
mod full;
mod orders;
mod races;
mod refusals;
mod sentinel;
mod silence;
mod tls;

use std::sync::Arc;

use anteroom::accounts::{Epoch, UserId};
use anteroom::sessions::{
    Child, ChildStart, Client, EndReason, Ended, Ending, Limit, Loaded, Origin, Owner, Session,
    SessionId, SessionPolicy, SessionStore, Start, Started, TimeoutRule, TokenDigest,
};
use anteroom::store::RedisSessions;
use anteroom::{Options, SessionStorage};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::harness::app::{Kind, TestApp};
use crate::harness::browser::Browser;
use crate::harness::redis::RedisServer;

/// The whole service over a Redis of its own, with somebody signed in.
struct Stage {
    redis: RedisServer,
    app: TestApp,
    ada: Browser,
}

impl Stage {
    async fn new(options: &[&str], what_needs_it: &str) -> Option<Self> {
        let redis = RedisServer::start(options, what_needs_it)?;
        let url = redis.url();
        let keep_there = |options: &mut Options| {
            options.sessions = SessionStorage::Redis { url: url.as_str().into() };
        };
        let app = TestApp::start_with(Kind::Database, keep_there).await;
        let ada = app.signed_in("ada@example.org").await;
        Some(Self { redis, app, ada })
    }
}

const DAWN: OffsetDateTime = datetime!(2030-01-01 00:00 UTC);
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                      Gecko) Chrome/140.0.0.0 Safari/537.36";

fn second(seconds: i64) -> OffsetDateTime {
    DAWN + Duration::seconds(seconds)
}

fn user(number: u64) -> UserId {
    UserId::from_uuid(Uuid::from_u128(u128::from(number) << 64 | 0xFF))
}

/// As good as random, and the same every time.
fn scattered(number: u64) -> u128 {
    let mixed = |number: u64| {
        let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        number ^ (number >> 31)
    };
    u128::from(mixed(number)) << 64 | u128::from(mixed(!number))
}

fn digest(number: u64) -> TokenDigest {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&scattered(number).to_be_bytes());
    bytes[16..].copy_from_slice(&scattered(number ^ 0x55).to_be_bytes());
    TokenDigest::from_bytes(bytes)
}

/// The session of this number, of this user or of a visitor, that starts at this second; its id is
/// of version 7, as the ids of all sessions are.
fn start(number: u64, of: Option<u64>, at: i64) -> Start {
    let (at, policy) = (second(at), SessionPolicy::default());
    let milliseconds = u128::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap();
    let id = milliseconds << 80 | 0x7 << 76 | scattered(number) >> 52;
    let owner =
        of.map_or(Owner::Anonymous, |number| Owner::User { id: user(number), epoch: Epoch::FIRST });
    let session = Session {
        id: SessionId::from_uuid(Uuid::from_u128(id)),
        owner,
        created_at: at,
        authenticated_at: owner.user().map(|_| at),
        second_factor: None,
        passkey: None,
        last_seen_at: at,
        expires_at: policy.expires_at(TimeoutRule::Standard, at),
        rule: TimeoutRule::Standard,
        remember_me: false,
        client: Client { ip_address: "192.0.2.7".parse().ok(), user_agent: CHROME.to_owned() },
        moved_to: None,
    };
    let cutoffs = policy.cutoffs(at);
    let outdated = EndReason::Replaced;
    let (digest, unwritten) = (digest(number), Vec::new());
    Start { session, digest, previous_token: None, outdated, limit: None, unwritten, cutoffs }
}

/// A child of this session; its id and token are of a number that no session has.
fn child_of(parent: &Start, number: u64) -> ChildStart {
    let number = number + 500_000_000;
    let child = Child {
        id: start(number, None, 0).session.id,
        parent: parent.session.id,
        origin: Origin::of("https://wiki.example.org"),
        created_at: second(0),
        client: parent.session.client.clone(),
    };
    ChildStart { child, digest: digest(number) }
}

fn limited(start: Start, limit: Limit) -> Start {
    Start { limit: Some(limit), ..start }
}

fn under(start: Start, epoch: i64) -> Start {
    let mut start = start;
    if let Owner::User { epoch: of_session, .. } = &mut start.session.owner {
        *of_session = Epoch::from_number(epoch);
    }
    start
}

fn ending(start: &Start) -> Ending {
    let ended = Ended { reason: EndReason::RevokedByUser, at: start.cutoffs.now() };
    Ending { id: start.session.id, of: None, unseen_since: None, ended }
}

async fn begin(store: &dyn SessionStore, start: &Start) {
    let started = store.start(start).await.unwrap();
    assert!(matches!(started, Started::Started { .. }), "{started:?}");
}

async fn is_live(store: &dyn SessionStore, start: &Start) -> bool {
    matches!(store.load(&start.digest).await.unwrap(), Loaded::Live(_))
}

async fn opened(url: &str) -> Arc<RedisSessions> {
    Arc::new(RedisSessions::open(&url.into()).await.unwrap())
}
