//! Revocation wins: an ended session stays ended, whatever comes late.

use time::OffsetDateTime;

use super::stage::{Held, Stage, evict_beyond, minute};
use super::{Verdict, Violation, chapter, same};
use crate::accounts::{Epoch, UserId};
use crate::sessions::{
    Compartment, EndReason, Ended, Ending, Keeping, Kept, Loaded, Owner, SessionId, Started,
};

chapter![
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

async fn revoked(stage: &Stage) -> Result<Held, Violation> {
    let held = stage.signed_in(stage.fresh_user(), minute(0)).await?;
    let ended = stage.end(&held, EndReason::RevokedByUser, minute(1)).await?;
    same!(ended, true, "whether the session ended");
    Ok(held)
}

/// The session is over in every answer, with this reason.
async fn assert_over(stage: &Stage, held: &Held, reason: EndReason, at: OffsetDateTime) -> Verdict {
    let end = Some(Ended { reason, at });
    same!(stage.end_of(held).await?, end, "the end");
    same!(stage.store.find(held.id()).await?, None, "the session by its id");
    for compartment in [Compartment::Visitor, Compartment::Application] {
        let kept: Option<Kept> = stage.store.data(held.id(), compartment).await?;
        same!(kept, None, "its {compartment:?} data");
    }
    if let Some(user) = held.session.owner.user() {
        let listed = stage.ids_of(user).await?.contains(&held.id());
        same!(listed, false, "whether its user still sees it");
    }
    let all = stage.store.list_all(None, 1_000).await?;
    same!(all.iter().any(|session| session.id == held.id()), false, "whether the list has it");
    Ok(())
}

async fn a_revoked_session_can_not_be_touched(stage: Stage) -> Verdict {
    let held = revoked(&stage).await?;
    stage.touch(&held, minute(2)).await?;
    assert_over(&stage, &held, EndReason::RevokedByUser, minute(1)).await
}

async fn a_revoked_session_can_not_be_rotated(stage: Stage) -> Verdict {
    let held = revoked(&stage).await?;
    let drafted = stage.fresh_digest();
    let rotation = crate::sessions::Rotation {
        from: held.digest,
        to: drafted,
        authenticated: true,
        at: minute(2),
    };

    same!(stage.store.rotate(&rotation).await?, false, "whether it was rotated");

    same!(stage.store.load(&drafted).await?, Loaded::Unknown, "the new token");
    assert_over(&stage, &held, EndReason::RevokedByUser, minute(1)).await
}

async fn a_revoked_session_can_not_be_written(stage: Stage) -> Verdict {
    let held = revoked(&stage).await?;
    for compartment in [Compartment::Visitor, Compartment::Application] {
        let keeping = stage.keep(&held, compartment, (0, b"{}")).await?;
        same!(keeping, Keeping::Gone, "writing to {compartment:?}");
    }
    assert_over(&stage, &held, EndReason::RevokedByUser, minute(1)).await
}

async fn a_revoked_session_can_not_be_started_back(stage: Stage) -> Verdict {
    let held = revoked(&stage).await?;
    let mut start = stage.draft(held.session.owner, minute(2));
    (start.session, start.digest) = (held.session.clone(), held.digest);

    same!(stage.store.start(&start).await?, Started::Taken, "the start");
    assert_over(&stage, &held, EndReason::RevokedByUser, minute(1)).await
}

/// Every way for a session of `user` to end; each gives the reason and the time of it.
async fn end_somehow(
    stage: &Stage,
    held: &Held,
    way: u8,
) -> Result<Option<(EndReason, OffsetDateTime)>, Violation> {
    let owner = held.session.owner;
    let user = owner.user().unwrap_or_else(|| stage.fresh_user());
    let mut start = stage.draft_for(user, minute(1));
    Ok(Some(match way {
        0 => {
            stage.end(held, EndReason::SignedOut, minute(1)).await?;
            (EndReason::SignedOut, minute(1))
        }
        1 => {
            stage.raise(user, 2, minute(1)).await?;
            (EndReason::PasswordChanged, minute(1))
        }
        2 => {
            let ended = Ended { reason: EndReason::RevokedByAdmin, at: minute(1) };
            stage.store.end_all(ended).await?;
            (EndReason::RevokedByAdmin, minute(1))
        }
        3 => {
            stage.sweep(minute(60), 100).await?;
            (EndReason::IdleTimeout, minute(60))
        }
        4 => {
            start.previous_token = Some(held.digest);
            stage.begin(&start).await?;
            (EndReason::Replaced, minute(1))
        }
        5 => {
            start.limit = Some(evict_beyond(1));
            stage.begin(&start).await?;
            (EndReason::SessionLimit, minute(1))
        }
        6 => {
            start.session.owner = Owner::User { id: user, epoch: Epoch::FIRST.next() };
            stage.begin(&start).await?;
            (EndReason::Replaced, minute(1))
        }
        _ => return Ok(None),
    }))
}

async fn nothing_late_brings_back_a_session_however_it_ended(stage: Stage) -> Verdict {
    for way in 0.. {
        let held = stage.signed_in(stage.fresh_user(), minute(0)).await?;
        stage.keep(&held, Compartment::Visitor, (0, b"{}")).await?;
        let Some((reason, at)) = end_somehow(&stage, &held, way).await? else { break };
        assert_over(&stage, &held, reason, at).await?;

        stage.touch(&held, minute(90)).await?;
        same!(stage.rotate(&held, minute(90)).await?.is_some(), false, "a late rotation");
        for over in 0..3 {
            let keeping = stage.keep(&held, Compartment::Visitor, (over, b"{}")).await?;
            same!(keeping, Keeping::Gone, "a late write");
        }
        let again = stage.end(&held, EndReason::AccountDeleted, minute(90)).await?;
        same!(again, false, "a late end");
        let mut start = stage.draft(Owner::Anonymous, minute(90));
        start.digest = held.digest;
        same!(stage.store.start(&start).await?, Started::Taken, "a start with its token");

        assert_over(&stage, &held, reason, at).await?;
    }
    Ok(())
}

async fn an_end_says_why_and_when(stage: Stage) -> Verdict {
    for (reason, at) in EndReason::ALL.into_iter().zip(1..) {
        let held = stage.anonymous(minute(0)).await?;
        let at = minute(at) + time::Duration::milliseconds(3);
        same!(stage.end(&held, reason, at).await?, true, "whether it ended");
        assert_over(&stage, &held, reason, at).await?;
    }
    Ok(())
}

async fn a_session_ends_once(stage: Stage) -> Verdict {
    let held = revoked(&stage).await?;
    let again = stage.end(&held, EndReason::RevokedByAdmin, minute(2)).await?;
    same!(again, false, "whether it ended again");
    assert_over(&stage, &held, EndReason::RevokedByUser, minute(1)).await
}

async fn an_unknown_session_can_not_be_ended(stage: Stage) -> Verdict {
    let nobody = stage.draft(Owner::Anonymous, minute(0));
    let nobody = Held { session: nobody.session, digest: nobody.digest };

    let ended = stage.end(&nobody, EndReason::RevokedByAdmin, minute(1)).await?;

    same!(ended, false, "whether it ended");
    same!(stage.store.load(&nobody.digest).await?, Loaded::Unknown, "its token");
    same!(stage.store.find_ended(nobody.id()).await?, None, "its end");
    Ok(())
}

async fn end_for(stage: &Stage, id: SessionId, of: UserId) -> Result<bool, Violation> {
    let ended = Ended { reason: EndReason::RevokedByUser, at: minute(1) };
    Ok(stage.store.end(&Ending { id, of: Some(of), unseen_since: None, ended }).await?)
}

async fn an_end_meant_for_another_user_ends_nothing(stage: Stage) -> Verdict {
    let (user, other) = (stage.fresh_user(), stage.fresh_user());
    let held = stage.signed_in(user, minute(0)).await?;
    let visitor = stage.anonymous(minute(0)).await?;

    same!(end_for(&stage, held.id(), other).await?, false, "an end for another user");
    same!(end_for(&stage, visitor.id(), other).await?, false, "an end of an anonymous session");
    same!(stage.now(&held).await?, held.session, "the session");
    same!(stage.now(&visitor).await?, visitor.session, "the anonymous session");

    same!(end_for(&stage, held.id(), user).await?, true, "an end for its own user");
    assert_over(&stage, &held, EndReason::RevokedByUser, minute(1)).await
}

async fn a_touch_that_came_first_wins_over_an_end_for_age(stage: Stage) -> Verdict {
    let held = stage.signed_in(stage.fresh_user(), minute(0)).await?;
    let ended = Ended { reason: EndReason::IdleTimeout, at: minute(60) };
    let end_unseen_since = async |since: OffsetDateTime| {
        let unseen_since = Some(since);
        stage.store.end(&Ending { id: held.id(), of: None, unseen_since, ended }).await
    };
    stage.touch(&held, minute(5)).await?;

    same!(end_unseen_since(minute(0)).await?, false, "an end by what was read before the touch");
    same!(stage.is_live(&held).await?, true, "whether it is live");

    same!(end_unseen_since(minute(5)).await?, true, "an end by the last activity itself");
    assert_over(&stage, &held, EndReason::IdleTimeout, minute(60)).await
}

async fn ending_all_ends_anonymous_sessions_too(stage: Stage) -> Verdict {
    let held = [
        stage.signed_in(stage.fresh_user(), minute(0)).await?,
        stage.signed_in(stage.fresh_user(), minute(0)).await?,
        stage.anonymous(minute(0)).await?,
    ];
    let ended = Ended { reason: EndReason::RevokedByAdmin, at: minute(1) };

    same!(stage.store.end_all(ended).await?, 3, "the sessions that ended");

    for held in &held {
        assert_over(&stage, held, EndReason::RevokedByAdmin, minute(1)).await?;
    }
    same!(stage.store.list_all(None, 10).await?, [], "the sessions left");
    same!(stage.store.end_all(ended).await?, 0, "the sessions that ended a second time");
    Ok(())
}

async fn ending_all_leaves_epochs_and_earlier_ends_alone(stage: Stage) -> Verdict {
    let user = stage.fresh_user();
    let earlier = revoked(&stage).await?;
    stage.raise(user, 5, minute(0)).await?;
    let ended = Ended { reason: EndReason::RevokedByAdmin, at: minute(2) };
    stage.store.end_all(ended).await?;

    let mut start = stage.draft_for(user, minute(3));
    same!(stage.store.start(&start).await?, Started::EpochMoved, "a start under an old epoch");
    start.session.owner = Owner::User { id: user, epoch: Epoch::from_number(5) };
    stage.begin(&start).await?;
    assert_over(&stage, &earlier, EndReason::RevokedByUser, minute(1)).await
}
