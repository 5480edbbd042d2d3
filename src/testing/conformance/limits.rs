//! The limit of live sessions per user, checked in the same step as the start.

use super::fixture::{Fixture, at_once, evict_beyond, evict_idle_beyond, minute, refuse_beyond};
use super::{CaseResult, case_group, same};
use crate::sessions::{EndReason, Ended, Limit, Loaded, Owner, Started};

case_group![
    fifty_parallel_starts_evict_down_to_the_limit,
    fifty_parallel_starts_are_refused_beyond_the_limit,
    eviction_takes_the_oldest_first,
    eviction_of_the_idle_takes_the_least_recently_seen_first,
    activity_that_is_not_written_counts_for_the_eviction_of_the_idle,
    of_two_as_old_the_lower_id_is_evicted,
    a_limit_that_was_lowered_evicts_several,
    a_refused_start_writes_nothing,
    timed_out_sessions_do_not_count,
    sessions_of_others_do_not_count,
    anonymous_sessions_have_no_limit,
];

const PARALLEL: usize = 50;

/// Starts fifty at once under this limit, and gives what came of each.
async fn fifty(fixture: &Fixture, limit: Limit) -> Result<Vec<Started>, super::Violation> {
    let user = fixture.fresh_user();
    let starts = (0..PARALLEL).map(|_| {
        let mut start = fixture.draft_for(user, minute(0));
        start.limit = Some(limit);
        let store = fixture.store.clone();
        async move { Ok(store.start(&start).await?) }
    });
    let outcomes = at_once(starts.collect()).await?;
    let live = fixture.ids_of(user).await?.len();
    same!(live, usize::try_from(limit.most).unwrap_or(0), "live sessions");
    Ok(outcomes)
}

async fn fifty_parallel_starts_evict_down_to_the_limit(fixture: Fixture) -> CaseResult {
    let outcomes = fifty(&fixture, evict_beyond(5)).await?;

    let mut evicted = Vec::new();
    for outcome in outcomes {
        match outcome {
            Started::Started { evicted: some, .. } => evicted.extend(some),
            refused => return Err(super::Violation::new(format!("refused: {refused:?}"))),
        }
    }
    evicted.sort();
    evicted.dedup();
    same!(evicted.len(), PARALLEL - 5, "sessions evicted, each once");
    let end = Some(Ended { reason: EndReason::SessionLimit, at: minute(0) });
    for id in evicted {
        same!(fixture.store.find_ended(id).await?, end, "the end of an evicted session");
    }
    Ok(())
}

async fn fifty_parallel_starts_are_refused_beyond_the_limit(fixture: Fixture) -> CaseResult {
    let outcomes = fifty(&fixture, refuse_beyond(5)).await?;

    let refused = outcomes.iter().filter(|outcome| **outcome == Started::LimitReached).count();
    same!(refused, PARALLEL - 5, "refused starts");
    Ok(())
}

async fn eviction_takes_the_oldest_first(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let second = fixture.signed_in(user, minute(2)).await?;
    let first = fixture.signed_in(user, minute(1)).await?;
    let third = fixture.signed_in(user, minute(3)).await?;
    fixture.touch(&first, minute(5)).await?;

    let mut start = fixture.draft_for(user, minute(6));
    start.limit = Some(evict_beyond(3));
    let (_, evicted, replaced) = fixture.begin(&start).await?;

    same!(evicted, [first.id()], "the evicted");
    same!(replaced, None, "the replaced");
    let end = Some(Ended { reason: EndReason::SessionLimit, at: minute(6) });
    same!(fixture.end_of(&first).await?, end, "the end of the oldest");
    same!(fixture.is_live(&second).await?, true, "whether the second is live");
    same!(fixture.is_live(&third).await?, true, "whether the third is live");
    Ok(())
}

async fn eviction_of_the_idle_takes_the_least_recently_seen_first(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let first = fixture.signed_in(user, minute(1)).await?;
    let second = fixture.signed_in(user, minute(2)).await?;
    let third = fixture.signed_in(user, minute(2)).await?;
    fixture.touch(&first, minute(5)).await?;

    let mut start = fixture.draft_for(user, minute(6));
    start.limit = Some(evict_idle_beyond(3));
    same!(fixture.begin(&start).await?.1, [second.id()], "the evicted");
    let mut start = fixture.draft_for(user, minute(7));
    start.limit = Some(evict_idle_beyond(2));
    same!(fixture.begin(&start).await?.1, [first.id(), third.id()], "the evicted after it");
    Ok(())
}

async fn activity_that_is_not_written_counts_for_the_eviction_of_the_idle(
    fixture: Fixture,
) -> CaseResult {
    let user = fixture.fresh_user();
    let first = fixture.signed_in(user, minute(1)).await?;
    let second = fixture.signed_in(user, minute(2)).await?;
    let third = fixture.signed_in(user, minute(3)).await?;

    let mut start = fixture.draft_for(user, minute(6));
    start.limit = Some(evict_idle_beyond(3));
    start.unwritten = vec![(first.id(), minute(5)), (third.id(), minute(1))];
    same!(fixture.begin(&start).await?.1, [second.id()], "the evicted");
    same!(fixture.now(&first).await?, first.session, "the session that is in use");
    Ok(())
}

async fn of_two_as_old_the_lower_id_is_evicted(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let (one, other) = (fixture.draft_for(user, minute(1)), fixture.draft_for(user, minute(1)));
    let lower = one.session.id.min(other.session.id);
    // Started in the other order, so that neither the order of writing nor activity decides.
    let (first, last) = if lower == one.session.id { (&other, &one) } else { (&one, &other) };
    fixture.begin(first).await?;
    fixture.begin(last).await?;

    let mut start = fixture.draft_for(user, minute(2));
    start.limit = Some(evict_beyond(2));

    same!(fixture.begin(&start).await?.1, [lower], "the evicted");
    Ok(())
}

async fn a_limit_that_was_lowered_evicts_several(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let mut ids = Vec::new();
    for at in 0..5 {
        ids.push(fixture.signed_in(user, minute(at)).await?.id());
    }

    let mut start = fixture.draft_for(user, minute(5));
    start.limit = Some(evict_beyond(2));
    let (newest, evicted, _) = fixture.begin(&start).await?;

    same!(evicted, ids[..4], "the evicted");
    same!(fixture.ids_of(user).await?, [newest.id(), ids[4]], "the sessions left");
    Ok(())
}

async fn a_refused_start_writes_nothing(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let only = fixture.signed_in(user, minute(0)).await?;
    let visitor = fixture.anonymous(minute(0)).await?;
    let mut start = fixture.draft_for(user, minute(1));
    start.limit = Some(refuse_beyond(1));
    start.previous_token = Some(visitor.digest);

    same!(fixture.store.start(&start).await?, Started::LimitReached, "the start");

    same!(fixture.store.load(&start.digest).await?, Loaded::Unknown, "the refused token");
    same!(fixture.store.find(start.session.id).await?, None, "the refused session");
    same!(fixture.now(&visitor).await?, visitor.session, "the session that was brought");
    same!(fixture.store.list(user).await?, [only.session], "the sessions of the user");
    Ok(())
}

async fn timed_out_sessions_do_not_count(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    fixture.signed_in(user, minute(0)).await?;
    let live = fixture.signed_in(user, minute(30)).await?;
    let mut start = fixture.draft_for(user, minute(60));
    start.limit = Some(refuse_beyond(2));

    let (started, evicted, _) = fixture.begin(&start).await?;

    same!(evicted, [], "the evicted");
    same!(fixture.is_live(&live).await?, true, "whether the other is live");
    same!(fixture.is_live(&started).await?, true, "whether the new one is live");
    start = fixture.draft_for(user, minute(60));
    start.limit = Some(refuse_beyond(2));
    same!(fixture.store.start(&start).await?, Started::LimitReached, "one more start");
    Ok(())
}

async fn sessions_of_others_do_not_count(fixture: Fixture) -> CaseResult {
    let other = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let visitor = fixture.anonymous(minute(0)).await?;

    for limit in [refuse_beyond(1), evict_beyond(1)] {
        let mut start = fixture.draft_for(fixture.fresh_user(), minute(1));
        start.limit = Some(limit);
        same!(fixture.begin(&start).await?.1, [], "the evicted");
    }
    same!(fixture.is_live(&other).await?, true, "whether another user's session is live");
    same!(fixture.is_live(&visitor).await?, true, "whether an anonymous session is live");
    Ok(())
}

async fn anonymous_sessions_have_no_limit(fixture: Fixture) -> CaseResult {
    let first = fixture.anonymous(minute(0)).await?;
    for limit in [refuse_beyond(1), evict_beyond(1)] {
        let mut start = fixture.draft(Owner::Anonymous, minute(1));
        start.limit = Some(limit);
        same!(fixture.begin(&start).await?.1, [], "the evicted");
    }
    same!(fixture.is_live(&first).await?, true, "whether the first is live");
    Ok(())
}
