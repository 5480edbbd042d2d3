//! The session service over the memory store.

mod children;
mod simulation;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::accounts::{Epoch, EpochReason, Proof, UserId};
use crate::clock::{Clock, ManualClock};
use crate::entropy::Entropy;
use crate::failure::StoreError;
use crate::store::{MemoryOptions, MemoryStore, SessionLocation, SqlDatabase};

const MINUTE: Duration = Duration::from_mins(1);

/// A service, its store and its clock.
struct Stage {
    sessions: Sessions,
    store: Arc<MemoryStore>,
    clock: ManualClock,
}

fn stage() -> Stage {
    stage_with(SessionPolicy::default(), Entropy::operating_system())
}

fn stage_with(policy: SessionPolicy, entropy: Entropy) -> Stage {
    let clock = ManualClock::at(datetime!(2030-01-01 00:00 UTC));
    let store = Arc::new(MemoryStore::new(MemoryOptions { most_sessions: 100 }));
    let options = SessionsOptions {
        store: store.clone(),
        outbox: None,
        policy,
        clock: Clock::from(&clock),
        entropy,
        leases: crate::sessions::LeaseOptions::default(),
    };
    Stage { sessions: Sessions::new(options), store, clock }
}

fn ada() -> UserId {
    UserId::from_uuid(Uuid::from_u128(0xADA))
}

fn of(owner: Owner) -> NewSession {
    NewSession {
        owner,
        administrator: false,
        second_factor: None,
        passkey: None,
        remember_me: false,
        client: Client::default(),
        previous_token: None,
        last_epoch_reason: None,
    }
}

fn of_ada() -> NewSession {
    of(Owner::User { id: ada(), epoch: Epoch::FIRST })
}

impl Stage {
    async fn start(&self, beginning: NewSession) -> StartedSession {
        self.sessions.start(beginning).await.unwrap()
    }

    async fn loaded(&self, token: &Token) -> Loaded {
        self.store.load(&token.digest()).await.unwrap()
    }

    async fn last_seen(&self, token: &Token) -> OffsetDateTime {
        match self.loaded(token).await {
            Loaded::Live(session) => session.last_seen_at,
            other => panic!("{other:?}"),
        }
    }

    /// Another server over the same store.
    fn elsewhere(&self) -> Sessions {
        Sessions::new(SessionsOptions {
            store: self.store.clone(),
            outbox: None,
            policy: SessionPolicy::default(),
            clock: Clock::from(&self.clock),
            entropy: Entropy::operating_system(),
            leases: crate::sessions::LeaseOptions::default(),
        })
    }

    /// Subscribes to the session, but not to the list that it is in.
    fn subscribe(&self, session: &Session, token: &Token) -> SessionSubscription {
        self.sessions.subscribe(session, token.digest(), false)
    }

    async fn refusal(&self, token: &Token) -> Option<EndReason> {
        match self.sessions.resume(token).await {
            Err(ResumeError::Ended(reason)) => Some(reason),
            Err(ResumeError::Unknown) => None,
            other => panic!("{other:?}"),
        }
    }
}

/// Whether the action notified this subscription.
async fn notifies(subscription: SessionSubscription, action: impl Future<Output = ()>) -> bool {
    let changed = subscription.changed();
    action.await;
    changed.now_or_never().is_some()
}

/// Draws the same number until it was drawn so often, then others.
fn stuck(times: usize) -> Entropy {
    let mut drawn = 0_usize;
    Entropy::scripted(move |bytes| {
        // A token and an id for each draw.
        drawn += 1;
        let number = drawn.saturating_sub(2 * times).to_be_bytes();
        bytes.fill(0);
        bytes[..8].copy_from_slice(&number);
    })
}

#[test]
fn an_owner_is_a_user_under_an_epoch_or_anonymous() {
    let epoch = Epoch::from_number(7);
    let user = Owner::User { id: ada(), epoch };
    assert_eq!((user.user(), user.epoch()), (Some(ada()), Some(epoch)));
    assert_eq!((Owner::Anonymous.user(), Owner::Anonymous.epoch()), (None, None));
}

#[tokio::test]
async fn role_and_remember_me_decide_the_timeouts() {
    let stage = stage();
    let anonymous = stage.start(of(Owner::Anonymous)).await.session;
    assert_eq!((anonymous.rule, anonymous.authenticated_at), (TimeoutRule::Standard, None));
    let ticked = NewSession { remember_me: true, ..of(Owner::Anonymous) };
    assert_eq!(stage.start(ticked).await.session.rule, TimeoutRule::Standard);
    let standard = stage.start(of_ada()).await.session;
    assert_eq!(standard.authenticated_at, Some(stage.sessions.now()));
    let cases = [
        (false, false, TimeoutRule::Standard, Duration::from_hours(24)),
        (false, true, TimeoutRule::Remembered, Duration::from_hours(24 * 30)),
        (true, false, TimeoutRule::Administrator, Duration::from_hours(12)),
        (true, true, TimeoutRule::Administrator, Duration::from_hours(12)),
    ];
    for (administrator, remember_me, rule, lives) in cases {
        let beginning = NewSession { administrator, remember_me, ..of_ada() };
        let session = stage.start(beginning).await.session;
        assert_eq!(session.rule, rule);
        assert_eq!(session.expires_at, session.created_at + lives);
        assert_eq!(session.remember_me, rule == TimeoutRule::Remembered);
    }
}

#[tokio::test]
async fn a_token_in_use_is_drawn_again_and_the_fourth_failure_is_an_error() {
    let stage = stage_with(SessionPolicy::default(), stuck(4));
    let first = stage.start(of(Owner::Anonymous)).await;
    let second = stage.start(of(Owner::Anonymous)).await;
    assert_ne!(first.token.reveal(), second.token.reveal());

    let stage = stage_with(SessionPolicy::default(), stuck(100));
    let first = stage.start(of(Owner::Anonymous)).await;
    let refused = stage.sessions.start(of(Owner::Anonymous)).await;
    assert!(matches!(refused, Err(StartError::Store(StoreError::Corrupt(_)))), "{refused:?}");
    let rotated = stage.sessions.rotate(&first.session, &first.token, Proof::Nothing).await;
    assert!(matches!(rotated, Err(ResumeError::Store(StoreError::Corrupt(_)))), "{rotated:?}");
    assert!(stage.sessions.resume(&first.token).await.is_ok());
}

#[tokio::test]
async fn a_start_reports_the_sessions_it_ended_and_notifies_them() {
    let limit = Limit { most: 1, policy: LimitPolicy::EvictOldest };
    let stage = stage_with(
        SessionPolicy { limit, ..SessionPolicy::default() },
        Entropy::operating_system(),
    );
    let first = stage.start(of_ada()).await;
    assert_eq!(first.displaced, EndedByStart::default());
    let notified = notifies(stage.subscribe(&first.session, &first.token), async {
        let second = stage.start(of_ada()).await;
        assert_eq!(second.displaced.evicted, [first.session.id]);
        assert_eq!(second.displaced.replaced, None);
    });
    assert!(notified.await);
    let visitor = stage.start(of(Owner::Anonymous)).await;
    let notified = notifies(stage.subscribe(&visitor.session, &visitor.token), async {
        let previous_token = Some(visitor.token.digest());
        let third = stage.start(NewSession { previous_token, ..of_ada() }).await;
        assert_eq!(third.displaced.replaced, Some(visitor.session.id));
    });
    assert!(notified.await);
    assert_eq!(stage.refusal(&visitor.token).await, Some(EndReason::Replaced));
}

#[tokio::test]
async fn a_refusing_limit_and_a_moved_epoch_start_nothing() {
    let limit = Limit { most: 1, policy: LimitPolicy::Refuse };
    let stage = stage_with(
        SessionPolicy { limit, ..SessionPolicy::default() },
        Entropy::operating_system(),
    );
    stage.start(of_ada()).await;
    assert!(matches!(stage.sessions.start(of_ada()).await, Err(StartError::LimitReached)));
    let raise = EpochMove {
        user: ada(),
        to: Epoch::FIRST.next(),
        reason: EpochReason::PasswordChanged,
        survivor: None,
        at: stage.sessions.now(),
    };
    assert_eq!(stage.sessions.raise_epoch(&raise).await.unwrap(), 1);
    assert!(matches!(stage.sessions.start(of_ada()).await, Err(StartError::EpochMoved)));
}

#[tokio::test]
async fn activity_counts_at_once_and_is_written_later() {
    let stage = stage();
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    stage.clock.advance(Duration::from_mins(50));
    stage.sessions.seen(&stage.sessions.resume(&token).await.unwrap(), Client::default);
    assert_eq!(stage.last_seen(&token).await, session.created_at);
    stage.clock.advance(Duration::from_mins(50));
    let resumed = stage.sessions.resume(&token).await.unwrap();
    assert_eq!(resumed.last_seen_at, session.created_at + Duration::from_mins(50));
    assert_eq!(stage.sessions.list(ada()).await.unwrap()[0].last_seen_at, resumed.last_seen_at);

    stage.sessions.flush().await.unwrap();

    assert_eq!(stage.last_seen(&token).await, resumed.last_seen_at);
    assert_eq!(
        stage.sessions.service().touches.noted(session.id),
        None,
        "it stays noted after the write"
    );
    stage.sessions.seen(&resumed, Client::default);
    assert!(stage.sessions.sweep(10).await.unwrap());
    assert_eq!(stage.last_seen(&token).await, stage.sessions.now(), "a sweep writes it first");
}

#[tokio::test]
async fn activity_is_noted_once_a_minute() {
    let stage = stage();
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    stage.clock.advance(Duration::from_millis(59_999));
    stage.sessions.seen(&stage.sessions.resume(&token).await.unwrap(), Client::default);
    assert_eq!(stage.sessions.service().touches.noted(session.id), None);
    stage.clock.advance(Duration::from_millis(1));
    stage.sessions.seen(&stage.sessions.resume(&token).await.unwrap(), Client::default);
    assert_eq!(stage.sessions.service().touches.noted(session.id), Some(stage.sessions.now()));
    stage.clock.advance(MINUTE / 2);
    stage.sessions.seen(&session, Client::default);
    let noted = Some(session.created_at + MINUTE);
    assert_eq!(stage.sessions.service().touches.noted(session.id), noted);
}

#[tokio::test]
async fn a_check_ends_an_expired_session_in_the_store_as_of_its_deadline() {
    let stage = stage();
    for beginning in [of(Owner::Anonymous), of_ada()] {
        let whose = beginning.owner.user();
        let StartedSession { token, session, .. } = stage.start(beginning).await;
        stage.clock.advance(Duration::from_hours(2));
        let reason = whose.map(|_| EndReason::IdleTimeout);

        let notified = notifies(stage.subscribe(&session, &token), async {
            assert_eq!(
                stage.refusal(&token).await,
                reason,
                "the end of an anonymous session is not reported"
            );
        });

        assert!(notified.await);
        let ended = Ended {
            reason: EndReason::IdleTimeout,
            at: session.created_at + Duration::from_hours(1),
        };
        let kept = stage.loaded(&token).await;
        assert!(matches!(kept, Loaded::Ended { ended: found, .. } if found == ended), "{kept:?}");
        let noted = stage.sessions.take_timed_out();
        let expected = whose.map(|user| TimedOut { id: session.id, user, ended });
        assert_eq!(noted, Vec::from_iter(expected));
        assert!(stage.sessions.take_timed_out().is_empty());
    }
}

#[tokio::test]
async fn the_reason_of_an_end_is_kept_for_a_day() {
    let stage = stage();
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    assert!(stage.sessions.revoke(session.id, Some(ada()), EndReason::SignedOut).await.unwrap());
    stage.clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
    assert_eq!(stage.refusal(&token).await, Some(EndReason::SignedOut));
    assert_eq!(stage.sessions.end_reason(&token).await.unwrap(), EndReason::SignedOut);
    stage.clock.advance(Duration::from_secs(2));
    assert_eq!(stage.refusal(&token).await, None);
}

#[tokio::test]
async fn a_rotation_moves_the_proof_only_where_there_was_one() {
    let stage = stage();
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    stage.clock.advance(MINUTE * 11);
    assert!(stage.sessions.fresh_proof(&session).is_none());
    let rotated = stage.sessions.rotate(&session, &token, Proof::Nothing).await.unwrap();
    assert_eq!(rotated.session, session);
    let mut proven = None;
    let notified = notifies(stage.subscribe(&session, &rotated.token), async {
        proven =
            Some(stage.sessions.rotate(&session, &rotated.token, Proof::Password).await.unwrap());
    });
    assert!(notified.await);
    let proven = proven.unwrap();
    assert_eq!(proven.session.authenticated_at, Some(stage.sessions.now()));
    assert!(stage.sessions.fresh_proof(&proven.session).is_some());
    assert_eq!(stage.sessions.resume(&proven.token).await.unwrap(), proven.session);
    for old in [token, rotated.token] {
        assert_eq!(stage.refusal(&old).await, Some(EndReason::Replaced));
        assert_eq!(stage.sessions.end_reason(&old).await.unwrap(), EndReason::Replaced);
        let late = stage.sessions.rotate(&session, &old, Proof::Password).await;
        assert!(matches!(late, Err(ResumeError::Ended(EndReason::Replaced))), "{late:?}");
    }
    assert!(stage.sessions.is_live_under(session.id, &proven.token).await);
    let other = SessionId::from_uuid(Uuid::from_u128(1));
    assert!(!stage.sessions.is_live_under(other, &proven.token).await);
}

#[tokio::test]
async fn a_kept_session_continues_under_its_new_token() {
    let stage = stage();
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    let other = stage.start(of_ada()).await;
    let prepare = async |session: &Session| {
        stage.sessions.prepare_kept_session(session, &token, Proof::Password).await
    };
    let kept = prepare(&session).await.unwrap();
    let stranger = Session { id: SessionId::from_uuid(Uuid::from_u128(1)), ..session.clone() };
    assert!(matches!(prepare(&stranger).await, Err(KeptSessionError::Ended(_))));
    let reason = EpochReason::PasswordChanged;
    let to = Epoch::FIRST.next();
    let at = stage.sessions.now();
    let raise = EpochMove { user: ada(), to, reason, survivor: Some(kept.record()), at };
    assert!(!kept.is_committed().await);

    assert_eq!(stage.sessions.raise_epoch(&raise).await.unwrap(), 1);

    assert!(kept.is_committed().await);
    assert_eq!(kept.end_reason().await.unwrap(), EndReason::Replaced);
    let new = kept.token().clone();
    let committed = kept.commit().await.unwrap();
    assert_eq!((committed.session.id, committed.token.reveal()), (session.id, new.reveal()));
    let again = prepare(&session).await;
    assert!(matches!(again, Err(KeptSessionError::Ended(EndReason::Replaced))));
    let under = async |token: &Token, before: &Session| {
        stage.sessions.session_under(token.clone(), before).await
    };
    assert!(under(&new, &session).await.is_some());
    assert!(under(&new, &other.session).await.is_none());
    assert!(under(&token, &session).await.is_none());
    let never = Token::parse(&[b'A'; 43]).unwrap();
    assert!(under(&never, &session).await.is_none());
    assert_eq!(stage.refusal(&other.token).await, Some(EndReason::PasswordChanged));
}

#[tokio::test]
async fn a_guard_of_a_kept_session_blocks_other_ends_until_it_is_dropped() {
    let stage = stage();
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    let kept = stage.sessions.prepare_kept_session(&session, &token, Proof::Nothing).await.unwrap();
    let mut revoke = Box::pin(stage.sessions.revoke(session.id, None, EndReason::SignedOut));
    assert!(futures_util::poll!(&mut revoke).is_pending(), "a revoke passed the guard");
    drop(kept);
    assert!(revoke.await.unwrap());
    assert_eq!(stage.refusal(&token).await, Some(EndReason::SignedOut));
}

#[tokio::test]
async fn a_sign_out_under_a_rotated_token_ends_the_session() {
    let stage = stage();
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    assert_eq!(stage.sessions.sign_out_rotated(&token).await.unwrap(), None, "it is in use");
    let rotated = stage.sessions.rotate(&session, &token, Proof::Nothing).await.unwrap();
    let ended = stage.sessions.sign_out_rotated(&token).await.unwrap();
    assert_eq!(ended.map(|session| session.id), Some(session.id));
    assert_eq!(stage.refusal(&rotated.token).await, Some(EndReason::SignedOut));
    assert_eq!(stage.sessions.sign_out_rotated(&token).await.unwrap(), None);
}

#[tokio::test]
async fn a_revoke_ends_one_session_of_its_user_and_notifies_it() {
    let stage = stage();
    let started = stage.start(of_ada()).await;
    let (id, reason) = (started.session.id, EndReason::RevokedByUser);
    let stranger = Some(UserId::from_uuid(Uuid::from_u128(0xB0B)));
    assert!(!stage.sessions.revoke(id, stranger, reason).await.unwrap());
    let notified = notifies(stage.subscribe(&started.session, &started.token), async {
        assert!(stage.sessions.revoke(id, Some(ada()), reason).await.unwrap());
    });
    assert!(notified.await);
    assert!(!stage.sessions.revoke(id, Some(ada()), reason).await.unwrap());
    assert_eq!(stage.refusal(&started.token).await, Some(reason));
}

#[tokio::test]
async fn revoke_all_ends_all_sessions_and_notifies_all_subscribers() {
    let stage = stage();
    let one = stage.start(of_ada()).await;
    let two = stage.start(of(Owner::Anonymous)).await;
    let counted = Counted { users: 1, anonymous: 1 };
    assert_eq!(stage.sessions.count().await.unwrap(), Some(counted));
    let notified = notifies(stage.subscribe(&two.session, &two.token), async {
        assert_eq!(stage.sessions.revoke_all(EndReason::RevokedByAdmin).await.unwrap(), 2);
    });
    assert!(notified.await);
    assert_eq!(stage.refusal(&one.token).await, Some(EndReason::RevokedByAdmin));
    let subscription = stage.subscribe(&one.session, &one.token);
    assert!(
        notifies(subscription, async { stage.sessions.service().subscribers.notify_all() }).await
    );
}

#[tokio::test]
async fn lists_are_ordered_live_sessions_with_a_cursor() {
    let stage = stage();
    let mut of_all = Vec::new();
    for _ in 0..3 {
        of_all.push(stage.start(of_ada()).await.session.id);
        stage.clock.advance(MINUTE);
    }
    let ids =
        |sessions: Vec<Session>| sessions.iter().map(|session| session.id).collect::<Vec<_>>();
    let newest_first: Vec<_> = of_all.iter().copied().rev().collect();
    assert_eq!(ids(stage.sessions.list(ada()).await.unwrap()), newest_first);
    let mut pages = Vec::new();
    for (after, limit) in [(None, 2), (Some(of_all[1]), 2), (None, 3), (None, 4)] {
        let (page, next) = stage.sessions.list_all(after, limit).await.unwrap();
        pages.push((ids(page), next));
    }
    let [a, b, c] = of_all[..] else { unreachable!() };
    let expected =
        [(vec![a, b], Some(b)), (vec![c], None), (vec![a, b, c], Some(c)), (vec![a, b, c], None)];
    assert_eq!(pages, expected);
    stage.clock.advance(Duration::from_mins(58));
    assert_eq!(ids(stage.sessions.list(ada()).await.unwrap()), [c]);
    assert_eq!(ids(stage.sessions.list_all(None, 9).await.unwrap().0), [c]);
    assert_eq!(stage.sessions.find(a).await.unwrap().map(|session| session.id), Some(a));
    assert!(stage.sessions.find(SessionId::from_uuid(Uuid::nil())).await.unwrap().is_none());
    stage.sessions.ready().await.unwrap();
}

#[tokio::test]
async fn a_sweep_ends_expired_sessions_and_notifies_only_for_them() {
    let policy = SessionPolicy {
        limit: Limit { most: 9, policy: LimitPolicy::Refuse },
        ..SessionPolicy::default()
    };
    let stage = stage_with(policy, Entropy::operating_system());
    assert_eq!(*stage.sessions.policy(), policy);
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    stage.start(of_ada()).await;
    let sweeps = async || while !stage.sessions.sweep(1).await.unwrap() {};
    let subscription = || stage.subscribe(&session, &token);
    assert!(!notifies(subscription(), sweeps()).await, "nothing had ended");
    stage.clock.advance(Duration::from_hours(1));
    assert!(notifies(subscription(), sweeps()).await);
    let ended = stage.sessions.take_timed_out();
    assert_eq!(ended.len(), 2);
    let at = session.created_at + Duration::from_hours(1);
    let ended_then = Ended { reason: EndReason::IdleTimeout, at };
    assert!(ended.iter().all(|end| end.ended == ended_then && end.user == ada()), "{ended:?}");
}

#[tokio::test]
async fn readiness_is_that_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anteroom.db");
    let store = SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap();
    let sessions = Sessions::new(SessionsOptions {
        store: Arc::new(store.clone()),
        outbox: None,
        policy: SessionPolicy::default(),
        clock: Clock::system(),
        entropy: Entropy::operating_system(),
        leases: crate::sessions::LeaseOptions::default(),
    });
    sessions.ready().await.unwrap();
    store.close().await;
    assert!(sessions.ready().await.is_err());
}

#[test]
fn recently_ended_sessions_are_bounded() {
    let noted = super::live::RecentlyEnded::default();
    let ended = Ended { reason: EndReason::IdleTimeout, at: datetime!(2030-01-01 00:00 UTC) };
    let end = TimedOut { id: SessionId::from_uuid(Uuid::nil()), user: ada(), ended };
    noted.note(None);
    (0..10_001).for_each(|_| noted.note(Some(end)));
    assert_eq!(noted.take().len(), 10_000);
    assert!(noted.take().is_empty());
}

#[tokio::test]
async fn a_subscription_is_notified_for_its_own_session_and_removed_when_dropped() {
    let stage = stage();
    let (a, b) = (stage.start(of_ada()).await, stage.start(of(Owner::Anonymous)).await);
    let subscription = || stage.subscribe(&a.session, &a.token);
    let subscribers = stage.sessions.service().subscribers.clone();
    assert!(notifies(subscription(), async { subscribers.notify_session(a.session.id) }).await);
    assert!(notifies(subscription(), async { subscribers.notify_token(&a.token.digest()) }).await);
    assert!(notifies(subscription(), async { subscribers.notify_user(ada()) }).await);
    assert!(notifies(subscription(), async { stage.sessions.notify_unconfirmed() }).await);
    assert!(!notifies(subscription(), async { subscribers.notify_session(b.session.id) }).await);
    assert!(!notifies(subscription(), async { subscribers.notify_token(&b.token.digest()) }).await);
    assert!(!notifies(subscription(), async { subscribers.notify_list(ada()) }).await);
    assert!(!notifies(subscription(), async { subscribers.notify_unless(|_| true) }).await);
    assert_eq!(subscribers.counts(), (0, 0));

    let (first, second) = (subscription(), subscription());
    drop(first);
    assert_eq!(subscribers.counts(), (1, 0));
    let changed = second.changed();
    subscribers.notify_session(a.session.id);
    assert!(
        changed.now_or_never().is_some(),
        "dropping one subscription stopped the notifications of the other"
    );
    assert!(!second.is_closed());
    let changed = second.changed();
    stage.sessions.close_subscriptions();
    assert!(changed.now_or_never().is_some());
    assert!(second.is_closed());
    drop(second);
    assert_eq!(subscribers.counts(), (0, 0));
}

#[tokio::test]
async fn a_list_subscription_is_notified_for_every_session_of_its_user_only() {
    let stage = stage();
    let laptop = stage.start(of_ada()).await;
    let bob = Owner::User { id: UserId::from_uuid(Uuid::from_u128(0xB0B)), epoch: Epoch::FIRST };
    let subscription = || stage.sessions.subscribe(&laptop.session, laptop.token.digest(), true);

    let mut phone = None;
    assert!(notifies(subscription(), async { phone = Some(stage.start(of_ada()).await) }).await);
    let id = phone.unwrap().session.id;
    let revoke = async || stage.sessions.revoke(id, Some(ada()), EndReason::RevokedByUser).await;
    assert!(notifies(subscription(), async { assert!(revoke().await.unwrap()) }).await);
    assert!(!notifies(subscription(), async { drop(stage.start(of(bob)).await) }).await);
    // A poll finds changes by another server in the same store, and only those.
    let poll = async || stage.sessions.poll_lists().await.unwrap();
    let elsewhere = stage.elsewhere();
    let open = subscription();
    assert!(notifies(subscription(), poll()).await, "the first poll has no position");
    assert!(!notifies(subscription(), poll()).await);
    let of_bob = elsewhere.start(of(bob)).await.unwrap();
    assert!(!notifies(subscription(), poll()).await);
    let tablet = elsewhere.start(of_ada()).await.unwrap();
    assert!(notifies(subscription(), poll()).await, "a start at another server");
    let reason = EndReason::RevokedByUser;
    assert!(elsewhere.revoke(of_bob.session.id, None, reason).await.unwrap());
    assert!(!notifies(subscription(), poll()).await);
    assert!(elsewhere.revoke(tablet.session.id, None, reason).await.unwrap());
    assert!(notifies(subscription(), poll()).await, "an end at another server");
    drop(open);
    poll().await;
    assert_eq!(stage.sessions.service().subscribers.counts(), (0, 0));
}

fn letters(bytes: usize) -> Value {
    // With `{"a":""}` around them.
    json!("a".repeat(bytes - 8))
}

#[tokio::test]
async fn server_code_keeps_64_kib_in_a_session_and_no_more() {
    let stage = stage();
    let id = stage.start(of_ada()).await.session.id;
    let keep = async |value: Value| {
        let change = |data: &mut serde_json::Map<_, _>| {
            data.insert("a".to_owned(), value.clone());
        };
        stage.sessions.change_application_data(id, change).await
    };
    keep(letters(65_536)).await.unwrap();
    let kept = async || stage.sessions.application_data(id).await.unwrap().unwrap();
    assert_eq!(kept().await["a"], letters(65_536));
    assert!(matches!(keep(letters(65_537)).await, Err(KeepError::TooLarge)));
    assert_eq!(kept().await["a"], letters(65_536), "a refused change left something behind");
    keep(json!(1)).await.unwrap();
    assert_eq!(Value::Object(kept().await), json!({"a": 1}));
    let visitor = stage.sessions.visitor_data(id).await.unwrap().unwrap();
    assert_eq!(visitor.to_bytes(), b"{}", "the browser read the data of server code");

    stage.sessions.revoke(id, None, EndReason::SignedOut).await.unwrap();
    assert!(matches!(keep(json!(2)).await, Err(KeepError::Gone)));
    assert!(stage.sessions.application_data(id).await.unwrap().is_none());
    assert!(stage.sessions.visitor_data(id).await.unwrap().is_none());
    let patch = stage.sessions.patch_visitor_data(id, &json!({}), None).await;
    assert!(matches!(patch, Err(KeepError::Gone)));
}

#[tokio::test]
async fn the_browsers_data_is_merged_on_top_of_what_is_there() {
    let stage = stage();
    let id = stage.start(of(Owner::Anonymous)).await.session.id;
    let patch = async |patch: Value, if_match: Option<String>| {
        stage.sessions.patch_visitor_data(id, &patch, if_match.as_deref()).await
    };
    let first = patch(json!({"a": 1}), None).await.unwrap();
    let etag = first.etag().to_string();
    let second = patch(json!({"b": 2}), Some(etag.clone())).await.unwrap();
    assert_eq!(second.to_bytes(), br#"{"a":1,"b":2}"#);
    let refused = patch(json!({"c": 3}), Some(etag)).await;
    assert!(matches!(refused, Err(KeepError::PreconditionFailed)), "{refused:?}");
    let kept = stage.sessions.visitor_data(id).await.unwrap().unwrap();
    assert_eq!(kept.to_bytes(), second.to_bytes());
}
