//! The session of the previous token at a sign-in: the data it passes on, and its end.

use super::fixture::{Fixture, LiveSession, at_once, evict_beyond, minute, refuse_beyond};
use super::{CaseResult, Violation, case_group, same};
use crate::accounts::{Epoch, UserId};
use crate::sessions::{
    Compartment, EndReason, Ended, Keeping, Kept, Loaded, Owner, SessionId, Started,
};

case_group![
    an_anonymous_session_hands_over_its_data,
    a_session_of_the_same_user_hands_over_its_data,
    a_session_of_another_user_hands_over_nothing,
    a_user_session_hands_nothing_to_an_anonymous_one,
    a_timed_out_session_hands_over_nothing,
    an_ended_session_hands_over_nothing,
    a_session_under_an_earlier_epoch_hands_over_nothing,
    an_unknown_token_hands_over_nothing,
    a_brought_session_frees_its_place,
    another_users_session_frees_no_place,
    a_timed_out_session_frees_no_place,
    two_starts_that_bring_one_session_share_it_out_once,
];

/// Writes once to the visitor's data and twice to the application's.
async fn fill(fixture: &Fixture, held: &LiveSession) -> CaseResult {
    let writes: [(Compartment, i64, &[u8]); 3] = [
        (Compartment::Visitor, 0, b"{\"cart\":1}"),
        (Compartment::Application, 0, b"first"),
        (Compartment::Application, 1, b"\x00\xFFsecond"),
    ];
    for (compartment, over, data) in writes {
        let keeping = fixture.keep(held, compartment, (over, data)).await?;
        same!(keeping, Keeping::Kept, "writing to {compartment:?}");
    }
    Ok(())
}

async fn assert_handed_over(fixture: &Fixture, to: &LiveSession, yes: bool) -> CaseResult {
    let filled = [
        (Compartment::Visitor, Kept { version: 1, data: b"{\"cart\":1}".to_vec() }),
        (Compartment::Application, Kept { version: 2, data: b"\x00\xFFsecond".to_vec() }),
    ];
    for (compartment, kept) in filled {
        let expected = if yes { kept } else { Kept::default() };
        let found = fixture.store.data(to.id(), compartment).await?;
        same!(found, Some(expected.clone()), "{compartment:?} of the new session");
        let keeping = fixture.keep(to, compartment, (expected.version, b"{}")).await?;
        same!(keeping, Keeping::Kept, "the next write to {compartment:?}");
    }
    Ok(())
}

/// Starts a session for `owner` at minute 10 with the token of `brought`.
async fn bring(
    fixture: &Fixture,
    brought: &LiveSession,
    owner: Owner,
) -> Result<(LiveSession, Option<SessionId>), Violation> {
    let mut start = fixture.draft(owner, minute(10));
    start.previous_token = Some(brought.digest);
    let (held, evicted, replaced) = fixture.begin(&start).await?;
    same!(evicted, [], "the evicted");
    Ok((held, replaced))
}

fn under_first(user: UserId) -> Owner {
    Owner::User { id: user, epoch: Epoch::FIRST }
}

async fn an_anonymous_session_hands_over_its_data(fixture: Fixture) -> CaseResult {
    for owner in [under_first(fixture.fresh_user()), Owner::Anonymous] {
        let visitor = fixture.anonymous(minute(0)).await?;
        fill(&fixture, &visitor).await?;

        let (held, replaced) = bring(&fixture, &visitor, owner).await?;

        same!(replaced, Some(visitor.id()), "the replaced");
        let end = Ended { reason: EndReason::Replaced, at: minute(10) };
        same!(fixture.end_of(&visitor).await?, Some(end), "the end of the previous session");
        assert_handed_over(&fixture, &held, true).await?;
    }
    Ok(())
}

async fn a_session_of_the_same_user_hands_over_its_data(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let earlier = fixture.signed_in(user, minute(0)).await?;
    fill(&fixture, &earlier).await?;

    let (held, replaced) = bring(&fixture, &earlier, under_first(user)).await?;

    same!(replaced, Some(earlier.id()), "the replaced");
    let end = Ended { reason: EndReason::Replaced, at: minute(10) };
    same!(fixture.end_of(&earlier).await?, Some(end), "the end of the previous session");
    assert_handed_over(&fixture, &held, true).await
}

async fn a_session_of_another_user_hands_over_nothing(fixture: Fixture) -> CaseResult {
    let other = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    fill(&fixture, &other).await?;

    let (held, replaced) = bring(&fixture, &other, under_first(fixture.fresh_user())).await?;

    same!(replaced, Some(other.id()), "the replaced");
    let end = Ended { reason: EndReason::SignedOut, at: minute(10) };
    same!(fixture.end_of(&other).await?, Some(end), "the end of the previous session");
    assert_handed_over(&fixture, &held, false).await
}

async fn a_user_session_hands_nothing_to_an_anonymous_one(fixture: Fixture) -> CaseResult {
    let user = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    fill(&fixture, &user).await?;

    let (held, _) = bring(&fixture, &user, Owner::Anonymous).await?;

    let end = Ended { reason: EndReason::SignedOut, at: minute(10) };
    same!(fixture.end_of(&user).await?, Some(end), "the end of the previous session");
    assert_handed_over(&fixture, &held, false).await
}

async fn a_timed_out_session_hands_over_nothing(fixture: Fixture) -> CaseResult {
    let visitor = fixture.anonymous(minute(-50)).await?;
    fill(&fixture, &visitor).await?;

    let (held, replaced) = bring(&fixture, &visitor, under_first(fixture.fresh_user())).await?;

    same!(replaced, None, "the replaced");
    assert_handed_over(&fixture, &held, false).await
}

async fn an_ended_session_hands_over_nothing(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let earlier = fixture.signed_in(user, minute(0)).await?;
    fill(&fixture, &earlier).await?;
    fixture.end(&earlier, EndReason::RevokedByUser, minute(1)).await?;

    let (held, replaced) = bring(&fixture, &earlier, under_first(user)).await?;

    same!(replaced, None, "the replaced");
    let end = Ended { reason: EndReason::RevokedByUser, at: minute(1) };
    same!(fixture.end_of(&earlier).await?, Some(end), "the end of the previous session");
    assert_handed_over(&fixture, &held, false).await
}

async fn a_session_under_an_earlier_epoch_hands_over_nothing(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let earlier = fixture.signed_in(user, minute(0)).await?;
    fill(&fixture, &earlier).await?;

    let owner = Owner::User { id: user, epoch: Epoch::FIRST.next() };
    let (held, replaced) = bring(&fixture, &earlier, owner).await?;

    same!(replaced, None, "the replaced");
    same!(fixture.is_live(&earlier).await?, false, "whether the previous session is live");
    assert_handed_over(&fixture, &held, false).await
}

async fn an_unknown_token_hands_over_nothing(fixture: Fixture) -> CaseResult {
    let nobody = fixture.draft(Owner::Anonymous, minute(0));
    let nobody = LiveSession { session: nobody.session, digest: nobody.digest };

    let (held, replaced) = bring(&fixture, &nobody, under_first(fixture.fresh_user())).await?;

    same!(replaced, None, "the replaced");
    same!(fixture.store.load(&nobody.digest).await?, Loaded::Unknown, "the unknown token");
    assert_handed_over(&fixture, &held, false).await
}

async fn a_brought_session_frees_its_place(fixture: Fixture) -> CaseResult {
    for limit in [refuse_beyond(2), evict_beyond(2)] {
        let user = fixture.fresh_user();
        let other = fixture.signed_in(user, minute(0)).await?;
        let brought = fixture.signed_in(user, minute(1)).await?;
        let mut start = fixture.draft_for(user, minute(2));
        start.previous_token = Some(brought.digest);
        start.limit = Some(limit);

        let (held, evicted, replaced) = fixture.begin(&start).await?;

        same!(evicted, [], "the evicted");
        same!(replaced, Some(brought.id()), "the replaced");
        same!(fixture.ids_of(user).await?, [held.id(), other.id()], "the sessions of the user");
    }
    Ok(())
}

async fn another_users_session_frees_no_place(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let only = fixture.signed_in(user, minute(0)).await?;
    let other = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let mut start = fixture.draft_for(user, minute(1));
    start.previous_token = Some(other.digest);
    start.limit = Some(refuse_beyond(1));

    same!(fixture.store.start(&start).await?, Started::LimitReached, "the start");
    same!(fixture.is_live(&only).await?, true, "whether the user's session is live");
    same!(fixture.is_live(&other).await?, true, "whether the previous session is live");
    Ok(())
}

async fn a_timed_out_session_frees_no_place(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let timed_out = fixture.signed_in(user, minute(-60)).await?;
    fixture.signed_in(user, minute(0)).await?;
    let mut start = fixture.draft_for(user, minute(1));
    start.previous_token = Some(timed_out.digest);
    start.limit = Some(refuse_beyond(1));

    same!(fixture.store.start(&start).await?, Started::LimitReached, "the start");
    Ok(())
}

async fn two_starts_that_bring_one_session_share_it_out_once(fixture: Fixture) -> CaseResult {
    for _ in 0..10 {
        let user = fixture.fresh_user();
        let visitor = fixture.anonymous(minute(0)).await?;
        fill(&fixture, &visitor).await?;
        let starts = (0..4).map(|_| {
            let fixture = fixture.clone();
            let visitor = visitor.clone();
            async move { bring(&fixture, &visitor, under_first(user)).await }
        });

        let outcomes = at_once(starts.collect()).await?;

        let winners: Vec<_> = outcomes.iter().filter(|(_, replaced)| replaced.is_some()).collect();
        same!(winners.len(), 1, "starts that took the session over");
        for (held, replaced) in &outcomes {
            assert_handed_over(&fixture, held, replaced.is_some()).await?;
        }
    }
    Ok(())
}
