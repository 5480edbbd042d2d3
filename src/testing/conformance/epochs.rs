//! A session is live only under its user's epoch, and the store's copy of it only rises.

use super::fixture::{Fixture, LiveSession, evict_beyond, minute};
use super::{CaseResult, Violation, case_group, same};
use crate::accounts::{Epoch, EpochReason, UserId};
use crate::sessions::{EndReason, Ended, EpochMove, Loaded, Owner, Started};

case_group![
    a_raise_ends_every_session_of_the_user_with_its_reason,
    a_raise_leaves_everybody_else_alone,
    a_start_under_a_lower_epoch_is_refused_and_writes_nothing,
    a_start_under_a_higher_epoch_raises_it_and_ends_the_earlier_as_it_says,
    a_move_to_a_lower_or_equal_epoch_changes_nothing,
    a_raise_before_any_session_counts_for_the_sessions_to_come,
    a_raise_that_is_repeated_spares_the_sessions_started_since,
    an_epoch_outlives_the_sessions_of_its_user,
    sessions_under_one_epoch_live_side_by_side,
];

fn under(user: UserId, epoch: i64) -> Owner {
    Owner::User { id: user, epoch: Epoch::from_number(epoch) }
}

async fn started_under(
    fixture: &Fixture,
    user: UserId,
    epoch: i64,
    at: i64,
) -> Result<LiveSession, Violation> {
    Ok(fixture.begin(&fixture.draft(under(user, epoch), minute(at))).await?.0)
}

async fn a_raise_ends_every_session_of_the_user_with_its_reason(fixture: Fixture) -> CaseResult {
    for reason in [
        EpochReason::PasswordChanged,
        EpochReason::RoleChanged,
        EpochReason::AccountDisabled,
        EpochReason::AccountDeleted,
        EpochReason::RevokedByUser,
        EpochReason::RevokedByAdmin,
        EpochReason::FactorChanged,
    ] {
        let user = fixture.fresh_user();
        let mut all = Vec::new();
        for at in 0..3 {
            all.push(fixture.signed_in(user, minute(at)).await?);
        }
        let to = Epoch::FIRST.next();
        let raise = EpochMove { user, to, reason, survivor: None, at: minute(9) };

        same!(fixture.store.raise_epoch(&raise).await?, 3, "the sessions that ended");

        let end = Some(Ended { reason: reason.into(), at: minute(9) });
        for held in &all {
            same!(fixture.end_of(held).await?, end, "the end of a session");
        }
        same!(fixture.ids_of(user).await?, [], "the sessions of the user");
    }
    Ok(())
}

async fn a_raise_leaves_everybody_else_alone(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let other = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let visitor = fixture.anonymous(minute(0)).await?;
    let earlier = fixture.signed_in(user, minute(0)).await?;
    fixture.end(&earlier, EndReason::SignedOut, minute(1)).await?;

    same!(fixture.raise(user, 2, minute(2)).await?, 0, "the sessions that ended");

    same!(fixture.now(&other).await?, other.session, "another user's session");
    same!(fixture.now(&visitor).await?, visitor.session, "an anonymous session");
    let end = Some(Ended { reason: EndReason::SignedOut, at: minute(1) });
    same!(fixture.end_of(&earlier).await?, end, "a session that had ended before");
    Ok(())
}

async fn a_start_under_a_lower_epoch_is_refused_and_writes_nothing(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let held = started_under(&fixture, user, 3, 0).await?;
    let visitor = fixture.anonymous(minute(0)).await?;

    for epoch in [1, 2] {
        let mut start = fixture.draft(under(user, epoch), minute(1));
        start.previous_token = Some(visitor.digest);
        start.limit = Some(evict_beyond(1));

        same!(fixture.store.start(&start).await?, Started::EpochMoved, "the start");

        same!(fixture.store.load(&start.digest).await?, Loaded::Unknown, "the refused token");
        same!(fixture.store.find(start.session.id).await?, None, "the refused session");
    }
    same!(fixture.now(&held).await?, held.session, "the session under the present epoch");
    same!(fixture.now(&visitor).await?, visitor.session, "the session that was brought");
    Ok(())
}

/// The store has not received the reason of the raise yet; the account has it.
async fn a_start_under_a_higher_epoch_raises_it_and_ends_the_earlier_as_it_says(
    fixture: Fixture,
) -> CaseResult {
    let user = fixture.fresh_user();
    let earlier =
        [started_under(&fixture, user, 1, 0).await?, started_under(&fixture, user, 1, 1).await?];
    let mut start = fixture.draft(under(user, 4), minute(2));
    start.limit = Some(evict_beyond(1));
    start.outdated = EndReason::PasswordChanged;

    let (held, evicted, replaced) = fixture.begin(&start).await?;

    same!((evicted, replaced), (Vec::new(), None), "the evicted and the replaced");
    let end = Some(Ended { reason: EndReason::PasswordChanged, at: minute(2) });
    for earlier in &earlier {
        same!(fixture.end_of(earlier).await?, end, "the end of an earlier session");
    }
    same!(fixture.now(&held).await?, held.session, "the session under the new epoch");
    let late = fixture.draft(under(user, 3), minute(3));
    same!(fixture.store.start(&late).await?, Started::EpochMoved, "a start that knows less");
    Ok(())
}

async fn a_move_to_a_lower_or_equal_epoch_changes_nothing(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let held = started_under(&fixture, user, 3, 0).await?;

    for epoch in [1, 2, 3] {
        same!(fixture.raise(user, epoch, minute(1)).await?, 0, "the sessions that ended");
        same!(fixture.now(&held).await?, held.session, "the session");
    }
    let late = fixture.draft(under(user, 2), minute(2));
    same!(fixture.store.start(&late).await?, Started::EpochMoved, "a start under a lower epoch");
    started_under(&fixture, user, 3, 2).await?;
    Ok(())
}

async fn a_raise_before_any_session_counts_for_the_sessions_to_come(
    fixture: Fixture,
) -> CaseResult {
    let user = fixture.fresh_user();
    same!(fixture.raise(user, 2, minute(0)).await?, 0, "the sessions that ended");

    let late = fixture.draft_for(user, minute(1));
    same!(fixture.store.start(&late).await?, Started::EpochMoved, "a start under the first epoch");
    started_under(&fixture, user, 2, 1).await?;
    Ok(())
}

async fn a_raise_that_is_repeated_spares_the_sessions_started_since(
    fixture: Fixture,
) -> CaseResult {
    let user = fixture.fresh_user();
    fixture.signed_in(user, minute(0)).await?;
    same!(fixture.raise(user, 2, minute(1)).await?, 1, "the sessions that ended");
    let since = started_under(&fixture, user, 2, 2).await?;

    same!(fixture.raise(user, 2, minute(1)).await?, 0, "the sessions that ended a second time");
    same!(fixture.now(&since).await?, since.session, "the session started since");
    Ok(())
}

async fn an_epoch_outlives_the_sessions_of_its_user(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    fixture.signed_in(user, minute(0)).await?;
    fixture.raise(user, 2, minute(1)).await?;
    fixture.sweep(minute(10 * 24 * 60), 100).await?;

    let late = fixture.draft_for(user, minute(2));
    same!(fixture.store.start(&late).await?, Started::EpochMoved, "a start under the old epoch");
    Ok(())
}

async fn sessions_under_one_epoch_live_side_by_side(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    fixture.raise(user, 2, minute(0)).await?;
    let one = started_under(&fixture, user, 2, 1).await?;
    let other = started_under(&fixture, user, 2, 2).await?;

    same!(fixture.now(&one).await?, one.session, "the first");
    same!(fixture.now(&other).await?, other.session, "the second");
    Ok(())
}
