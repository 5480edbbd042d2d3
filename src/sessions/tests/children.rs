//! Child sessions and hand-over codes, through the service.

use crate::accounts::Proof;
use std::slice;

use super::*;

const WIKI: &str = "https://wiki.example.org";
const MAIL: &str = "https://mail.example.org";

fn wiki() -> Origin {
    Origin::of(WIKI)
}

impl Stage {
    async fn child(&self, parent: SessionId, origin: &str) -> StartedChild {
        let new = NewChild { parent, origin: Origin::of(origin), client: Client::default() };
        self.sessions.start_child(new).await.unwrap()
    }

    /// Why the token of a child at the wiki is refused; `None`: it opens nothing.
    async fn refusal_of_child(&self, token: &Token) -> Option<EndReason> {
        match self.sessions.resume_child(token, &wiki()).await {
            Err(ResumeError::Ended(reason)) => Some(reason),
            Err(ResumeError::Unknown) => None,
            other => panic!("{other:?}"),
        }
    }

    async fn code(&self, session: SessionId, state: u8) -> Code {
        let new = NewHandover { session, origin: wiki(), binding: binding_of(state) };
        self.sessions.prepare_handover(new).await.unwrap()
    }

    async fn redeem(&self, code: &Code, origin: &str, state: u8) -> Option<SessionId> {
        let (origin, state) = (Origin::of(origin), binding_of(state));
        self.sessions.redeem_handover(code, &origin, Some(&state)).await.unwrap()
    }
}

fn binding_of(number: u8) -> HandoverBinding {
    HandoverBinding::from_bytes([number; 32])
}

#[tokio::test]
async fn a_child_counts_at_its_origin_only_and_a_session_at_no_application() {
    let stage = stage();
    let StartedSession { token: own, session, .. } = stage.start(of_ada()).await;
    let started = stage.child(session.id, WIKI).await;
    assert_eq!(started.replaced, None);

    let live = stage.sessions.resume_child(&started.token, &wiki()).await.unwrap();
    assert_eq!((live.child.clone(), live.parent), (started.child.clone(), session.clone()));
    let found = stage.sessions.find_child(started.child.id).await.unwrap().unwrap();
    assert_eq!(found.child, started.child);
    for of in [ChildrenOf::Session(session.id), ChildrenOf::User(ada())] {
        assert_eq!(stage.sessions.children(of).await.unwrap(), slice::from_ref(&started.child));
    }

    let elsewhere = stage.sessions.resume_child(&started.token, &Origin::of(MAIL)).await;
    assert!(matches!(elsewhere, Err(ResumeError::Unknown)), "{elsewhere:?}");
    assert_eq!(stage.refusal(&started.token).await, None, "a child is taken for a session");
    assert_eq!(stage.refusal_of_child(&own).await, None, "a session is taken for a child");
    let rotated = stage.sessions.rotate(&session, &started.token, Proof::Password).await;
    assert!(matches!(rotated, Err(ResumeError::Unknown)), "{rotated:?}");

    stage.sessions.revoke(session.id, None, EndReason::SignedOut).await.unwrap();
    assert_eq!(stage.refusal(&started.token).await, None, "an ended child sent a notification");
    assert_eq!(stage.refusal_of_child(&own).await, None);
}

#[tokio::test]
async fn a_child_ends_with_its_parent_and_alone_leaves_it() {
    let stage = stage();
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    let (alone, other) = (stage.child(session.id, WIKI).await, stage.child(session.id, MAIL).await);
    let id = alone.child.id;
    assert!(stage.sessions.revoke(id, Some(ada()), EndReason::RevokedByUser).await.unwrap());
    assert!(!stage.sessions.revoke(id, None, EndReason::RevokedByAdmin).await.unwrap());
    assert_eq!(stage.refusal_of_child(&alone.token).await, Some(EndReason::RevokedByUser));
    assert_eq!(stage.sessions.resume(&token).await.unwrap(), session);

    let replaced = stage.child(session.id, WIKI).await;
    let last = stage.child(session.id, WIKI).await;
    assert_eq!(last.replaced, Some(replaced.child.id));
    assert_eq!(stage.refusal_of_child(&replaced.token).await, Some(EndReason::Replaced));

    stage.sessions.revoke_session(&session, EndReason::RevokedByAdmin).await.unwrap();
    assert_eq!(stage.refusal_of_child(&last.token).await, Some(EndReason::RevokedByAdmin));
    let mail = stage.sessions.resume_child(&other.token, &Origin::of(MAIL)).await;
    assert!(matches!(mail, Err(ResumeError::Ended(EndReason::RevokedByAdmin))), "{mail:?}");
    let new = NewChild { parent: session.id, origin: wiki(), client: Client::default() };
    let late = stage.sessions.start_child(new).await;
    assert!(matches!(late, Err(StartChildError::Gone)), "{late:?}");
    stage.clock.advance(Duration::from_hours(25));
    assert_eq!(stage.refusal_of_child(&last.token).await, None, "the reason is kept for a day");
}

#[tokio::test]
async fn a_check_of_a_child_is_activity_of_its_parent() {
    let stage = stage();
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    let child = stage.child(session.id, WIKI).await;
    for _ in 0..3 {
        stage.clock.advance(Duration::from_mins(50));
        let live = stage.sessions.resume_child(&child.token, &wiki()).await.unwrap();
        stage.sessions.seen(&live.parent, Client::default);
    }
    stage.sessions.flush().await.unwrap();
    assert_eq!(stage.last_seen(&token).await, stage.sessions.now());

    stage.clock.advance(Duration::from_hours(1));
    assert_eq!(stage.refusal_of_child(&child.token).await, Some(EndReason::IdleTimeout));
    let ended = Ended { reason: EndReason::IdleTimeout, at: stage.sessions.now() };
    assert_eq!(stage.sessions.take_timed_out(), [TimedOut { id: session.id, user: ada(), ended }]);
    assert_eq!(stage.refusal(&token).await, Some(EndReason::IdleTimeout));
}

#[tokio::test]
async fn a_token_of_a_child_that_is_in_use_is_drawn_again() {
    let stage = stage_with(SessionPolicy::default(), stuck(4));
    let parent = stage.start(of_ada()).await;
    let child = stage.child(parent.session.id, WIKI).await;
    assert!(stage.sessions.resume_child(&child.token, &wiki()).await.is_ok());

    let stage = stage_with(SessionPolicy::default(), stuck(100));
    let parent = stage.start(of_ada()).await;
    let new = NewChild { parent: parent.session.id, origin: wiki(), client: Client::default() };
    let refused = stage.sessions.start_child(new).await;
    assert!(matches!(refused, Err(StartChildError::Store(StoreError::Corrupt(_)))), "{refused:?}");
}

#[tokio::test]
async fn the_start_of_a_child_notifies_the_list_of_its_user() {
    let stage = stage();
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    let list = stage.sessions.subscribe(&session, token.digest(), true);
    assert!(notifies(list, async { drop(stage.child(session.id, WIKI).await) }).await);
}

#[tokio::test]
async fn a_code_is_redeemed_once_at_its_origin_by_its_browser_within_half_a_minute() {
    let stage = stage();
    let session = stage.start(of_ada()).await.session;

    let code = stage.code(session.id, 1).await;
    assert_eq!(Code::parse(code.reveal().as_bytes()), Some(code.clone()));
    assert_eq!(stage.redeem(&code, WIKI, 1).await, Some(session.id));
    assert_eq!(stage.redeem(&code, WIKI, 1).await, None, "a second time");

    for (origin, state) in [(MAIL, 1), (WIKI, 2)] {
        let code = stage.code(session.id, 1).await;
        assert_eq!(stage.redeem(&code, origin, state).await, None);
        assert_eq!(stage.redeem(&code, WIKI, 1).await, None, "it is used up");
    }
    for (milliseconds, is_good) in [(29_999, true), (30_000, false)] {
        let code = stage.code(session.id, 1).await;
        stage.clock.advance(Duration::from_millis(milliseconds));
        assert_eq!(stage.redeem(&code, WIKI, 1).await.is_some(), is_good, "{milliseconds} ms");
    }
}

#[tokio::test]
async fn a_code_is_void_once_its_session_has_ended() {
    let stage = stage();
    let StartedSession { token, session, .. } = stage.start(of_ada()).await;
    let code = stage.code(session.id, 1).await;
    let rotated = stage.sessions.rotate(&session, &token, Proof::Nothing).await.unwrap();
    let other = stage.code(session.id, 1).await;
    assert_eq!(stage.redeem(&code, WIKI, 1).await, Some(session.id), "after a new token");

    stage.sessions.revoke_session(&rotated.session, EndReason::SignedOut).await.unwrap();
    assert_eq!(stage.redeem(&other, WIKI, 1).await, None);
    let new = NewHandover { session: session.id, origin: wiki(), binding: binding_of(1) };
    let late = stage.sessions.prepare_handover(new).await;
    assert!(matches!(late, Err(HandoverError::Gone)), "{late:?}");
}

#[tokio::test]
async fn sixteen_codes_are_outstanding_at_most() {
    let stage = stage();
    let session = stage.start(of_ada()).await.session;
    for _ in 0..HandoverCode::MOST {
        stage.code(session.id, 1).await;
    }
    let new = NewHandover { session: session.id, origin: wiki(), binding: binding_of(1) };
    let full = stage.sessions.prepare_handover(new.clone()).await;
    assert!(matches!(full, Err(HandoverError::Full)), "{full:?}");
    stage.clock.advance(Duration::from_secs(30));
    assert!(stage.sessions.prepare_handover(new).await.is_ok(), "those before have expired");
}

#[test]
fn nothing_prints_a_code() {
    let code = Code::generate(&Entropy::operating_system()).unwrap();
    let printed = format!("{code:?} {:?} {:?}", code.digest(), binding_of(7));
    assert_eq!(printed, "Code(Token(secret)) CodeDigest(…) HandoverBinding(…)");
}
