//! Concurrent calls about children: every order of them keeps the promises.

use std::pin::Pin;

use super::children::{MAIL, WIKI, child_end, listed};
use super::children_ending::ends_after;
use super::feed::now;
use super::fixture::{Fixture, at_once, minute};
use super::{CaseResult, Violation, case_group, holds, same};
use crate::sessions::{ChildStarted, ChildrenOf, EndReason, Ended, Ending, Loaded, SessionId};

case_group![
    a_child_against_an_end_of_its_parent_is_not_live_afterwards,
    of_parallel_children_for_one_origin_exactly_one_is_live,
    of_parallel_ends_of_a_child_and_its_parent_the_feed_has_one,
    a_child_against_a_new_token_of_its_parent_is_live,
];

const ROUNDS: usize = 20;

async fn a_child_against_an_end_of_its_parent_is_not_live_afterwards(
    fixture: Fixture,
) -> CaseResult {
    for round in 0..ROUNDS {
        let user = fixture.fresh_user();
        let parent = fixture.signed_in(user, minute(0)).await?;
        let before = fixture.child(&parent, MAIL, minute(0)).await?;
        let begin = now(&fixture).await?;
        let starts: Vec<_> = ["https://a.org", "https://b.org", "https://a.org"]
            .map(|origin| fixture.child_draft(&parent, origin, minute(1)))
            .into();
        let mut operations: Vec<Pin<Box<dyn Future<Output = _> + Send>>> = Vec::new();
        for start in starts {
            let fixture = fixture.clone();
            operations.push(Box::pin(async move {
                let started = fixture.store.start_child(&start).await?;
                Ok(Some((start, started)))
            }));
        }
        let (ending, ended) = (fixture.clone(), parent.clone());
        operations.push(Box::pin(async move {
            if round % 2 == 0 {
                ending.end(&ended, EndReason::SignedOut, minute(2)).await?;
            } else {
                ending.raise(user, 2, minute(2)).await?;
            }
            Ok(None)
        }));

        let outcomes = at_once(operations).await?;

        let end = fixture.end_of(&parent).await?;
        let reason = end.map(|end| end.reason);
        holds!(reason.is_some(), "the parent is live");
        let mut ids = vec![parent.id(), before.id()];
        same!(child_end(&fixture, &before).await?, end, "the end of the child from before");
        for (start, started) in outcomes.into_iter().flatten() {
            let loaded = fixture.store.load(&start.digest).await?;
            match (started, &loaded) {
                (ChildStarted::Gone, Loaded::Unknown) => {}
                (ChildStarted::Started { .. }, Loaded::EndedChild(found))
                    if found.reason == EndReason::Replaced || Some(*found) == end =>
                {
                    ids.push(start.child.id);
                }
                _ => {
                    let what = format!("a child is {loaded:?} after {started:?} and {end:?}");
                    return Err(Violation::new(what));
                }
            }
        }
        same!(listed(&fixture, ChildrenOf::User(user)).await?, vec![], "the children");
        let mut found: Vec<SessionId> =
            ends_after(&fixture, &begin).await?.into_iter().map(|(id, _)| id).collect();
        found.sort();
        ids.sort();
        same!(found, ids, "the feed");
    }
    Ok(())
}

async fn of_parallel_children_for_one_origin_exactly_one_is_live(fixture: Fixture) -> CaseResult {
    for _ in 0..ROUNDS {
        let parent = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let starts = (0..8).map(|_| {
            let start = fixture.child_draft(&parent, WIKI, minute(1));
            let store = fixture.store.clone();
            async move { Ok((store.start_child(&start).await?, start)) }
        });

        let outcomes = at_once(starts.collect()).await?;

        let (mut live, mut replaced) = (Vec::new(), Vec::new());
        for (started, start) in &outcomes {
            let ChildStarted::Started { replaced: earlier } = started else {
                return Err(Violation::new(format!("a start was refused: {started:?}")));
            };
            replaced.extend(*earlier);
            if matches!(fixture.store.load(&start.digest).await?, Loaded::Child(_)) {
                live.push(start.child.clone());
            }
        }
        same!(live.len(), 1, "children that are live");
        replaced.sort();
        replaced.dedup();
        same!(replaced.len(), 7, "children that were replaced, each once");
        same!(listed(&fixture, ChildrenOf::Session(parent.id())).await?, live, "the list");
    }
    Ok(())
}

async fn of_parallel_ends_of_a_child_and_its_parent_the_feed_has_one(
    fixture: Fixture,
) -> CaseResult {
    for _ in 0..ROUNDS {
        let parent = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let child = fixture.child(&parent, WIKI, minute(0)).await?;
        let begin = now(&fixture).await?;
        let ends = [parent.id(), child.id(), child.id(), parent.id()].map(|id| {
            let store = fixture.store.clone();
            let reason =
                if id == child.id() { EndReason::RevokedByUser } else { EndReason::SignedOut };
            let ended = Ended { reason, at: minute(1) };
            async move { Ok(store.end(&Ending { id, of: None, unseen_since: None, ended }).await?) }
        });

        at_once(ends.into()).await?;

        let mut found = ends_after(&fixture, &begin).await?;
        found.sort_by_key(|(id, _)| *id);
        let reason = child_end(&fixture, &child).await?.map(|end| end.reason);
        let Some(reason) = reason else { return Err(Violation::new("the child is live")) };
        let expected = vec![(parent.id(), EndReason::SignedOut), (child.id(), reason)];
        same!(found, expected, "the feed");
    }
    Ok(())
}

async fn a_child_against_a_new_token_of_its_parent_is_live(fixture: Fixture) -> CaseResult {
    for _ in 0..ROUNDS {
        let parent = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let start = fixture.child_draft(&parent, WIKI, minute(1));
        let (digest, id) = (start.digest, start.child.id);
        let (starting, rotating, held) = (fixture.clone(), fixture.clone(), parent.clone());
        let both: Vec<Pin<Box<dyn Future<Output = _> + Send>>> = vec![
            Box::pin(async move {
                let started = starting.store.start_child(&start).await?;
                Ok(started == ChildStarted::Started { replaced: None })
            }),
            Box::pin(async move { Ok(rotating.rotate(&held, minute(1)).await?.is_some()) }),
        ];

        same!(at_once(both).await?, vec![true, true], "both");

        let loaded = fixture.store.load(&digest).await?;
        holds!(matches!(&loaded, Loaded::Child(live) if live.child.id == id), "{loaded:?}");
    }
    Ok(())
}
