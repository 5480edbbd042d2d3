use std::sync::Arc;

use time::macros::datetime;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::entropy::Entropy;
use crate::sessions::{SessionPolicy, SessionsOptions};
use crate::store::{MemoryOptions, MemoryStore};

#[tokio::test]
async fn whoever_finds_a_session_too_old_ends_it_in_the_store_as_of_its_deadline() {
    let clock = ManualClock::at(datetime!(2030-01-01 00:00 UTC));
    let sessions = Sessions::new(SessionsOptions {
        store: Arc::new(MemoryStore::new(MemoryOptions { most_sessions: 10 })),
        policy: SessionPolicy::default(),
        clock: Clock::from(&clock),
        entropy: Entropy::operating_system(),
    });
    let beginning = Beginning {
        owner: Owner::Anonymous,
        administrator: false,
        remember_me: false,
        client: Client::default(),
        brought: None,
    };
    let StartedSession { token, session, .. } = sessions.start(beginning).await.unwrap();
    clock.advance(std::time::Duration::from_hours(2));
    let watch = sessions.watch(session.id);
    let woken = watch.changed();

    assert!(matches!(sessions.resume(&token).await, Err(ResumeError::Unknown)));
    let kept = sessions.store().load(&token.digest()).await.unwrap();
    let deadline = session.created_at + time::Duration::HOUR;
    let ended = Ended { reason: EndReason::IdleTimeout, at: deadline };
    assert!(matches!(kept, Loaded::Ended { ended: found, .. } if found == ended), "{kept:?}");
    woken.await;
}
