//! Concurrent calls: every order of them keeps the promises.

use super::fixture::{Fixture, LiveSession, at_once, minute};
use super::{CaseResult, Violation, case_group, holds, same};
use crate::sessions::{Compartment, EndReason, Keeping, Loaded, Started};

case_group![
    of_parallel_rotations_of_one_token_exactly_one_wins,
    of_parallel_ends_exactly_one_wins,
    of_parallel_writes_over_one_version_exactly_one_wins,
    of_parallel_starts_with_one_digest_exactly_one_wins,
    a_rotation_against_an_end_leaves_neither_token_live,
    a_rotation_against_a_rising_epoch_leaves_neither_token_live,
    a_start_against_a_rising_epoch_is_not_live_afterwards,
    touches_and_writes_against_an_end_bring_nothing_back,
];

const ROUNDS: usize = 20;

async fn of_parallel_rotations_of_one_token_exactly_one_wins(fixture: Fixture) -> CaseResult {
    for _ in 0..ROUNDS {
        let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let rotations = (0..8).map(|_| {
            let (fixture, held) = (fixture.clone(), held.clone());
            async move { fixture.rotate(&held, minute(1)).await }
        });

        let winners: Vec<LiveSession> =
            at_once(rotations.collect()).await?.into_iter().flatten().collect();

        same!(winners.len(), 1, "rotations that won");
        holds!(fixture.is_live(&winners[0]).await?, "the winner's token is not live");
        holds!(!fixture.is_live(&held).await?, "the old token is live");
    }
    Ok(())
}

async fn of_parallel_ends_exactly_one_wins(fixture: Fixture) -> CaseResult {
    for _ in 0..ROUNDS {
        let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let ends = EndReason::ALL.into_iter().map(|reason| {
            let (fixture, held) = (fixture.clone(), held.clone());
            async move { Ok((fixture.end(&held, reason, minute(1)).await?, reason)) }
        });

        let outcomes = at_once(ends.collect()).await?;

        let winners: Vec<_> = outcomes.iter().filter(|(won, _)| *won).collect();
        same!(winners.len(), 1, "ends that won");
        let end = fixture.end_of(&held).await?.map(|ended| ended.reason);
        same!(end, Some(winners[0].1), "the reason");
    }
    Ok(())
}

async fn of_parallel_writes_over_one_version_exactly_one_wins(fixture: Fixture) -> CaseResult {
    let held = fixture.anonymous(minute(0)).await?;
    for round in 0..10_u8 {
        let writes = (0..8_u8).map(|writer| {
            let (fixture, held) = (fixture.clone(), held.clone());
            async move {
                let written = (i64::from(round), &[writer][..]);
                let keeping = fixture.keep(&held, Compartment::Visitor, written).await?;
                Ok((keeping, writer))
            }
        });

        let outcomes = at_once(writes.collect()).await?;

        let winners: Vec<_> = outcomes.iter().filter(|(won, _)| *won == Keeping::Kept).collect();
        same!(winners.len(), 1, "writes that won");
        let kept = fixture.store.data(held.id(), Compartment::Visitor).await?.unwrap_or_default();
        same!(kept.data, [winners[0].1], "the data");
        same!(kept.version, i64::from(round) + 1, "the version");
    }
    Ok(())
}

async fn of_parallel_starts_with_one_digest_exactly_one_wins(fixture: Fixture) -> CaseResult {
    let digest = fixture.fresh_digest();
    let starts = (0..8).map(|_| {
        let mut start = fixture.draft_for(fixture.fresh_user(), minute(0));
        start.digest = digest;
        let store = fixture.store.clone();
        async move { Ok((store.start(&start).await?, start.session)) }
    });

    let outcomes = at_once(starts.collect()).await?;

    let (won, taken): (Vec<_>, Vec<_>) =
        outcomes.into_iter().partition(|(outcome, _)| matches!(outcome, Started::Started { .. }));
    same!(won.len(), 1, "starts that won");
    holds!(taken.iter().all(|(outcome, _)| *outcome == Started::Taken), "not taken: {taken:?}");
    let loaded = fixture.store.load(&digest).await?;
    same!(loaded, Loaded::Live(won[0].1.clone()), "the session");
    Ok(())
}

/// Runs both at once; afterwards no token of the session may be live.
async fn never_live_after(
    fixture: &Fixture,
    held: &LiveSession,
    end: impl Future<Output = Result<(), Violation>> + Send + 'static,
) -> CaseResult {
    let rotation = {
        let (fixture, held) = (fixture.clone(), held.clone());
        async move { fixture.rotate(&held, minute(1)).await }
    };
    let end = async move { end.await.map(|()| None) };
    let both: Vec<std::pin::Pin<Box<dyn Future<Output = _> + Send>>> =
        vec![Box::pin(rotation), Box::pin(end)];

    let rotated = at_once(both).await?.into_iter().flatten().next();

    holds!(!fixture.is_live(held).await?, "the old token is live");
    if let Some(new) = rotated {
        holds!(!fixture.is_live(&new).await?, "the new token is live");
    }
    same!(fixture.store.find(held.id()).await?, None, "the session");
    Ok(())
}

async fn a_rotation_against_an_end_leaves_neither_token_live(fixture: Fixture) -> CaseResult {
    for _ in 0..ROUNDS {
        let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let (other, ending) = (fixture.clone(), held.clone());
        never_live_after(&fixture, &held, async move {
            let ended = other.end(&ending, EndReason::RevokedByUser, minute(1)).await?;
            same!(ended, true, "whether the end found the session");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn a_rotation_against_a_rising_epoch_leaves_neither_token_live(
    fixture: Fixture,
) -> CaseResult {
    for _ in 0..ROUNDS {
        let user = fixture.fresh_user();
        let held = fixture.signed_in(user, minute(0)).await?;
        let other = fixture.clone();
        never_live_after(&fixture, &held, async move {
            same!(other.raise(user, 2, minute(1)).await?, 1, "the sessions that ended");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn a_start_against_a_rising_epoch_is_not_live_afterwards(fixture: Fixture) -> CaseResult {
    for _ in 0..ROUNDS {
        let user = fixture.fresh_user();
        let start = fixture.draft_for(user, minute(0));
        let (starting, raising, digest) = (fixture.clone(), fixture.clone(), start.digest);
        let start = async move { starting.store.start(&start).await.map(|_| ()) };
        let raise = async move { raising.raise(user, 2, minute(1)).await.map(|_| ()) };
        let both: Vec<std::pin::Pin<Box<dyn Future<Output = _> + Send>>> =
            vec![Box::pin(async move { start.await.map_err(Violation::from) }), Box::pin(raise)];

        at_once(both).await?;

        let loaded = fixture.store.load(&digest).await?;
        holds!(!matches!(loaded, Loaded::Live(_)), "live under an earlier epoch: {loaded:?}");
        same!(fixture.ids_of(user).await?, [], "the sessions of the user");
    }
    Ok(())
}

async fn touches_and_writes_against_an_end_bring_nothing_back(fixture: Fixture) -> CaseResult {
    for _ in 0..ROUNDS {
        let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let operations = (0..9).map(|operation| {
            let (fixture, held) = (fixture.clone(), held.clone());
            async move {
                match operation % 3 {
                    0 => fixture.touch(&held, minute(operation)).await,
                    1 => fixture.keep(&held, Compartment::Visitor, (0, b"{}")).await.map(|_| ()),
                    _ => fixture.end(&held, EndReason::SignedOut, minute(1)).await.map(|_| ()),
                }
            }
        });

        at_once(operations.collect()).await?;

        let reason = fixture.end_of(&held).await?.map(|ended| ended.reason);
        same!(reason, Some(EndReason::SignedOut), "the reason");
        same!(fixture.store.data(held.id(), Compartment::Visitor).await?, None, "the data");
        same!(fixture.store.find(held.id()).await?, None, "the session");
    }
    Ok(())
}
