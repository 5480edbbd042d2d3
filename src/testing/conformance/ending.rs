//! Revocation wins: an ended session stays ended, also when a delayed request follows.

use time::OffsetDateTime;

use super::fixture::{Fixture, LiveSession, evict_beyond, minute};
use super::{CaseResult, Violation, case_group, same};
use crate::accounts::{Epoch, Proof, UserId};
use crate::sessions::{
    Compartment, EndReason, Ended, Ending, Keeping, Kept, Loaded, Owner, SessionId, Started,
};

case_group![
    a_revoked_session_can_not_be_touched,
    a_revoked_session_can_not_be_rotated,
    a_revoked_session_can_not_be_written,
    a_revoked_session_can_not_be_started_back,
    nothing_late_brings_back_a_session_however_it_ended,
    an_end_says_why_and_when,
    a_session_ends_once,
    an_unknown_session_can_not_be_ended,
    an_end_meant_for_another_user_ends_nothing,
    a_touch_that_came_first_wins_over_an_end_for_age,
    ending_all_ends_anonymous_sessions_too,
    ending_all_leaves_epochs_and_earlier_ends_alone,
];

async fn revoked(fixture: &Fixture) -> Result<LiveSession, Violation> {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let ended = fixture.end(&held, EndReason::RevokedByUser, minute(1)).await?;
    same!(ended, true, "whether the session ended");
    Ok(held)
}

/// Every answer reports the end of the session, with this reason.
async fn assert_over(
    fixture: &Fixture,
    held: &LiveSession,
    reason: EndReason,
    at: OffsetDateTime,
) -> CaseResult {
    let end = Some(Ended { reason, at });
    same!(fixture.end_of(held).await?, end, "the end");
    same!(fixture.store.find(held.id()).await?, None, "the session by its id");
    same!(fixture.store.token_of(held.id()).await?, None, "its token");
    for compartment in [Compartment::Visitor, Compartment::Application] {
        let kept: Option<Kept> = fixture.store.data(held.id(), compartment).await?;
        same!(kept, None, "its {compartment:?} data");
    }
    if let Some(user) = held.session.owner.user() {
        let listed = fixture.ids_of(user).await?.contains(&held.id());
        same!(listed, false, "whether its user still observe it");
    }
    let all = fixture.store.list_all(None, 1_000).await?;
    same!(all.iter().any(|session| session.id == held.id()), false, "whether the list has it");
    Ok(())
}

async fn a_revoked_session_can_not_be_touched(fixture: Fixture) -> CaseResult {
    let held = revoked(&fixture).await?;
    fixture.touch(&held, minute(2)).await?;
    assert_over(&fixture, &held, EndReason::RevokedByUser, minute(1)).await
}

async fn a_revoked_session_can_not_be_rotated(fixture: Fixture) -> CaseResult {
    let held = revoked(&fixture).await?;
    let drafted = fixture.fresh_digest();
    let rotation = crate::sessions::Rotation {
        from: held.digest,
        to: drafted,
        proof: Proof::Password,
        at: minute(2),
    };

    same!(fixture.store.rotate(&rotation).await?, false, "whether it was rotated");

    same!(fixture.store.load(&drafted).await?, Loaded::Unknown, "the new token");
    assert_over(&fixture, &held, EndReason::RevokedByUser, minute(1)).await
}

async fn a_revoked_session_can_not_be_written(fixture: Fixture) -> CaseResult {
    let held = revoked(&fixture).await?;
    for compartment in [Compartment::Visitor, Compartment::Application] {
        let keeping = fixture.keep(&held, compartment, (0, b"{}")).await?;
        same!(keeping, Keeping::Gone, "writing to {compartment:?}");
    }
    assert_over(&fixture, &held, EndReason::RevokedByUser, minute(1)).await
}

async fn a_revoked_session_can_not_be_started_back(fixture: Fixture) -> CaseResult {
    let held = revoked(&fixture).await?;
    let mut start = fixture.draft(held.session.owner, minute(2));
    (start.session, start.digest) = (held.session.clone(), held.digest);

    same!(fixture.store.start(&start).await?, Started::Taken, "the start");
    assert_over(&fixture, &held, EndReason::RevokedByUser, minute(1)).await
}

/// Every way for a session of `user` to end; each gives the reason and the time of it.
pub(super) async fn end_somehow(
    fixture: &Fixture,
    held: &LiveSession,
    way: u8,
) -> Result<Option<(EndReason, OffsetDateTime)>, Violation> {
    let owner = held.session.owner;
    let user = owner.user().unwrap_or_else(|| fixture.fresh_user());
    let mut start = fixture.draft_for(user, minute(1));
    Ok(Some(match way {
        0 => {
            fixture.end(held, EndReason::SignedOut, minute(1)).await?;
            (EndReason::SignedOut, minute(1))
        }
        1 => {
            fixture.raise(user, 2, minute(1)).await?;
            (EndReason::PasswordChanged, minute(1))
        }
        2 => {
            let ended = Ended { reason: EndReason::RevokedByAdmin, at: minute(1) };
            fixture.store.end_all(ended).await?;
            (EndReason::RevokedByAdmin, minute(1))
        }
        3 => {
            fixture.sweep(minute(60), 100).await?;
            (EndReason::IdleTimeout, minute(60))
        }
        4 => {
            start.previous_token = Some(held.digest);
            fixture.begin(&start).await?;
            (EndReason::Replaced, minute(1))
        }
        5 => {
            start.limit = Some(evict_beyond(1));
            fixture.begin(&start).await?;
            (EndReason::SessionLimit, minute(1))
        }
        6 => {
            start.session.owner = Owner::User { id: user, epoch: Epoch::FIRST.next() };
            fixture.begin(&start).await?;
            (EndReason::Replaced, minute(1))
        }
        _ => return Ok(None),
    }))
}

async fn nothing_late_brings_back_a_session_however_it_ended(fixture: Fixture) -> CaseResult {
    for way in 0.. {
        let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        fixture.keep(&held, Compartment::Visitor, (0, b"{}")).await?;
        let Some((reason, at)) = end_somehow(&fixture, &held, way).await? else { break };
        assert_over(&fixture, &held, reason, at).await?;

        fixture.touch(&held, minute(90)).await?;
        same!(fixture.rotate(&held, minute(90)).await?.is_some(), false, "a late rotation");
        for over in 0..3 {
            let keeping = fixture.keep(&held, Compartment::Visitor, (over, b"{}")).await?;
            same!(keeping, Keeping::Gone, "a late write");
        }
        let again = fixture.end(&held, EndReason::AccountDeleted, minute(90)).await?;
        same!(again, false, "a late end");
        let mut start = fixture.draft(Owner::Anonymous, minute(90));
        start.digest = held.digest;
        same!(fixture.store.start(&start).await?, Started::Taken, "a start with its token");

        assert_over(&fixture, &held, reason, at).await?;
    }
    Ok(())
}

async fn an_end_says_why_and_when(fixture: Fixture) -> CaseResult {
    for (reason, at) in EndReason::ALL.into_iter().zip(1..) {
        let held = fixture.anonymous(minute(0)).await?;
        let at = minute(at) + time::Duration::milliseconds(3);
        same!(fixture.end(&held, reason, at).await?, true, "whether it ended");
        assert_over(&fixture, &held, reason, at).await?;
    }
    Ok(())
}

async fn a_session_ends_once(fixture: Fixture) -> CaseResult {
    let held = revoked(&fixture).await?;
    let again = fixture.end(&held, EndReason::RevokedByAdmin, minute(2)).await?;
    same!(again, false, "whether it ended again");
    assert_over(&fixture, &held, EndReason::RevokedByUser, minute(1)).await
}

async fn an_unknown_session_can_not_be_ended(fixture: Fixture) -> CaseResult {
    let nobody = fixture.draft(Owner::Anonymous, minute(0));
    let nobody = LiveSession { session: nobody.session, digest: nobody.digest };

    let ended = fixture.end(&nobody, EndReason::RevokedByAdmin, minute(1)).await?;

    same!(ended, false, "whether it ended");
    same!(fixture.store.load(&nobody.digest).await?, Loaded::Unknown, "its token");
    same!(fixture.store.find_ended(nobody.id()).await?, None, "its end");
    Ok(())
}

async fn end_for(fixture: &Fixture, id: SessionId, of: UserId) -> Result<bool, Violation> {
    let ended = Ended { reason: EndReason::RevokedByUser, at: minute(1) };
    Ok(fixture.store.end(&Ending { id, of: Some(of), unseen_since: None, ended }).await?)
}

async fn an_end_meant_for_another_user_ends_nothing(fixture: Fixture) -> CaseResult {
    let (user, other) = (fixture.fresh_user(), fixture.fresh_user());
    let held = fixture.signed_in(user, minute(0)).await?;
    let visitor = fixture.anonymous(minute(0)).await?;

    same!(end_for(&fixture, held.id(), other).await?, false, "an end for another user");
    same!(end_for(&fixture, visitor.id(), other).await?, false, "an end of an anonymous session");
    same!(fixture.now(&held).await?, held.session, "the session");
    same!(fixture.now(&visitor).await?, visitor.session, "the anonymous session");

    same!(end_for(&fixture, held.id(), user).await?, true, "an end for its own user");
    assert_over(&fixture, &held, EndReason::RevokedByUser, minute(1)).await
}

async fn a_touch_that_came_first_wins_over_an_end_for_age(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let ended = Ended { reason: EndReason::IdleTimeout, at: minute(60) };
    let end_unseen_since = async |since: OffsetDateTime| {
        let unseen_since = Some(since);
        fixture.store.end(&Ending { id: held.id(), of: None, unseen_since, ended }).await
    };
    fixture.touch(&held, minute(5)).await?;

    same!(end_unseen_since(minute(0)).await?, false, "an end by what was read before the touch");
    same!(fixture.is_live(&held).await?, true, "whether it is live");

    same!(end_unseen_since(minute(5)).await?, true, "an end by the last activity itself");
    assert_over(&fixture, &held, EndReason::IdleTimeout, minute(60)).await
}

async fn ending_all_ends_anonymous_sessions_too(fixture: Fixture) -> CaseResult {
    let held = [
        fixture.signed_in(fixture.fresh_user(), minute(0)).await?,
        fixture.signed_in(fixture.fresh_user(), minute(0)).await?,
        fixture.anonymous(minute(0)).await?,
    ];
    let ended = Ended { reason: EndReason::RevokedByAdmin, at: minute(1) };

    same!(fixture.store.end_all(ended).await?, 3, "the sessions that ended");

    for held in &held {
        assert_over(&fixture, held, EndReason::RevokedByAdmin, minute(1)).await?;
    }
    same!(fixture.store.list_all(None, 10).await?, [], "the sessions left");
    same!(fixture.store.end_all(ended).await?, 0, "the sessions that ended a second time");
    Ok(())
}

async fn ending_all_leaves_epochs_and_earlier_ends_alone(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let earlier = revoked(&fixture).await?;
    fixture.raise(user, 5, minute(0)).await?;
    let ended = Ended { reason: EndReason::RevokedByAdmin, at: minute(2) };
    fixture.store.end_all(ended).await?;

    let mut start = fixture.draft_for(user, minute(3));
    same!(fixture.store.start(&start).await?, Started::EpochMoved, "a start under an old epoch");
    start.session.owner = Owner::User { id: user, epoch: Epoch::from_number(5) };
    fixture.begin(&start).await?;
    assert_over(&fixture, &earlier, EndReason::RevokedByUser, minute(1)).await
}
