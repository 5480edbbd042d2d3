//! A child ends with its parent, or alone, and the feed and the sweep know it.

use super::children::{MAIL, WIKI, assert_over, child_end, end_child, listed};
use super::ending::end_somehow;
use super::feed::{now, read};
use super::fixture::{Fixture, minute};
use super::{CaseResult, Violation, case_group, holds, same};
use crate::sessions::{
    ChildStarted, ChildrenOf, Cursor, EndReason, Ended, Ending, Loaded, SessionId,
};

case_group![
    children_end_with_their_parent_however_it_ends,
    a_child_that_ends_alone_leaves_its_parent,
    a_child_that_ended_alone_keeps_its_own_end,
    the_conditions_of_the_end_of_a_child_are_of_its_parent,
    children_are_swept_with_their_parent,
    a_child_that_ended_alone_is_forgotten_after_a_day,
    the_feed_has_the_ends_of_children,
    the_feed_goes_on_after_the_child_of_any_end,
];

const DAY: i64 = 24 * 60;

async fn children_end_with_their_parent_however_it_ends(fixture: Fixture) -> CaseResult {
    for way in 0.. {
        let parent = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let children = [
            fixture.child(&parent, WIKI, minute(0)).await?,
            fixture.child(&parent, MAIL, minute(0)).await?,
        ];
        let other = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let of_other = fixture.child(&other, WIKI, minute(0)).await?;
        let Some((reason, at)) = end_somehow(&fixture, &parent, way).await? else { break };

        for child in &children {
            assert_over(&fixture, child, Ended { reason, at }).await?;
            let again = end_child(&fixture, child, EndReason::AccountDeleted, minute(90)).await?;
            same!(again, false, "a late end of a child");
        }
        let late = fixture.child_draft(&parent, WIKI, minute(90));
        same!(fixture.store.start_child(&late).await?, ChildStarted::Gone, "a late start");
        for child in &children {
            assert_over(&fixture, child, Ended { reason, at }).await?;
        }
        let end_of_other = fixture.end_of(&other).await?;
        same!(child_end(&fixture, &of_other).await?, end_of_other, "the child of another");
    }
    Ok(())
}

async fn a_child_that_ends_alone_leaves_its_parent(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let parent = fixture.signed_in(user, minute(0)).await?;
    let child = fixture.child(&parent, WIKI, minute(1)).await?;
    let other = fixture.child(&parent, MAIL, minute(1)).await?;

    let ended = end_child(&fixture, &child, EndReason::RevokedByUser, minute(2)).await?;

    same!(ended, true, "whether it ended");
    let end = Ended { reason: EndReason::RevokedByUser, at: minute(2) };
    assert_over(&fixture, &child, end).await?;
    let again = end_child(&fixture, &child, EndReason::SignedOut, minute(3)).await?;
    same!(again, false, "whether it ended again");
    assert_over(&fixture, &child, end).await?;
    same!(fixture.now(&parent).await?, parent.session, "the parent");
    same!(child_end(&fixture, &other).await?, None, "the end of the other child");
    let new = fixture.child(&parent, WIKI, minute(4)).await?;
    same!(child_end(&fixture, &new).await?, None, "the end of a new child");
    Ok(())
}

async fn a_child_that_ended_alone_keeps_its_own_end(fixture: Fixture) -> CaseResult {
    let parent = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let replaced = fixture.child(&parent, WIKI, minute(1)).await?;
    let alone = fixture.child(&parent, WIKI, minute(2)).await?;
    end_child(&fixture, &alone, EndReason::SignedOut, minute(3)).await?;

    fixture.end(&parent, EndReason::RevokedByAdmin, minute(4)).await?;

    let end = |reason, at| Ended { reason, at: minute(at) };
    assert_over(&fixture, &replaced, end(EndReason::Replaced, 2)).await?;
    assert_over(&fixture, &alone, end(EndReason::SignedOut, 3)).await
}

async fn the_conditions_of_the_end_of_a_child_are_of_its_parent(fixture: Fixture) -> CaseResult {
    let (user, other) = (fixture.fresh_user(), fixture.fresh_user());
    let parent = fixture.signed_in(user, minute(0)).await?;
    let child = fixture.child(&parent, WIKI, minute(1)).await?;
    fixture.touch(&parent, minute(5)).await?;
    let end = async |of, unseen_since| {
        let ended = Ended { reason: EndReason::RevokedByUser, at: minute(9) };
        fixture.store.end(&Ending { id: child.id(), of, unseen_since, ended }).await
    };

    same!(end(Some(other), None).await?, false, "an end for another user");
    same!(end(Some(user), Some(minute(4))).await?, false, "an end by earlier activity");
    same!(child_end(&fixture, &child).await?, None, "the end of the child");
    same!(end(Some(user), Some(minute(5))).await?, true, "an end that fits");
    let ended = Ended { reason: EndReason::RevokedByUser, at: minute(9) };
    assert_over(&fixture, &child, ended).await
}

async fn children_are_swept_with_their_parent(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let mut all = Vec::new();
    for at in 0..6 {
        let parent = fixture.signed_in(user, minute(at)).await?;
        let wiki = fixture.child(&parent, WIKI, minute(at)).await?;
        all.push((parent.clone(), vec![wiki, fixture.child(&parent, MAIL, minute(at)).await?]));
    }

    let swept = fixture.sweep(minute(63), 3).await?;

    same!((swept.ended, swept.timed_out.len()), (4, 4), "the sessions that were swept");
    for ((parent, children), at) in all.iter().zip(60..) {
        let end = (at <= 63).then(|| Ended { reason: EndReason::IdleTimeout, at: minute(at) });
        same!(fixture.end_of(parent).await?, end, "the end of a parent");
        for child in children {
            same!(child_end(&fixture, child).await?, end, "the end of a child");
        }
    }
    fixture.sweep(minute(62 + DAY), 3).await?;
    fixture.sweep(minute(10 * DAY), 3).await?;
    for child in all.iter().flat_map(|(_, children)| children) {
        same!(fixture.store.load(&child.digest).await?, Loaded::Unknown, "a token");
        same!(fixture.store.find_child(child.id()).await?, None, "a child");
        same!(fixture.store.find_ended(child.id()).await?, None, "an end");
    }
    same!(listed(&fixture, ChildrenOf::User(user)).await?, vec![], "the children of the user");
    Ok(())
}

async fn a_child_that_ended_alone_is_forgotten_after_a_day(fixture: Fixture) -> CaseResult {
    let parent = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let child = fixture.child(&parent, WIKI, minute(0)).await?;
    let other = fixture.child(&parent, MAIL, minute(0)).await?;
    end_child(&fixture, &child, EndReason::SignedOut, minute(2)).await?;
    fixture.touch(&parent, minute(DAY - 1)).await?;

    fixture.sweep(minute(DAY - 1), 100).await?;
    let end = Ended { reason: EndReason::SignedOut, at: minute(2) };
    assert_over(&fixture, &child, end).await?;
    fixture.sweep(minute(DAY + 2), 100).await?;
    assert_over(&fixture, &child, end).await?;
    fixture.sweep(minute(DAY + 2) + time::Duration::MILLISECOND, 100).await?;

    same!(fixture.store.load(&child.digest).await?, Loaded::Unknown, "the token");
    same!(fixture.store.find_ended(child.id()).await?, None, "the end");
    let end = Ended { reason: EndReason::AbsoluteTimeout, at: minute(DAY) };
    assert_over(&fixture, &other, end).await
}

/// The ids of the feed after a cursor, with their reasons.
pub(super) async fn ends_after(
    fixture: &Fixture,
    cursor: &Cursor,
) -> Result<Vec<(SessionId, EndReason)>, Violation> {
    let (found, _) = read(fixture, cursor, 200).await?;
    Ok(found.iter().map(|end| (end.session, end.ended.reason)).collect())
}

async fn the_feed_has_the_ends_of_children(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let parent = fixture.signed_in(user, minute(0)).await?;
    let earlier = fixture.child(&parent, WIKI, minute(0)).await?;
    let alone = fixture.child(&parent, MAIL, minute(0)).await?;
    let begin = now(&fixture).await?;
    let child = fixture.child(&parent, WIKI, minute(1)).await?;
    end_child(&fixture, &alone, EndReason::RevokedByUser, minute(2)).await?;
    fixture.rotate(&parent, minute(3)).await?;
    fixture.end(&parent, EndReason::SignedOut, minute(4)).await?;

    let (found, _) = read(&fixture, &begin, 200).await?;
    let mut found: Vec<_> =
        found.iter().map(|end| (end.session, end.user, end.ended.reason, end.ended.at)).collect();
    // Those that end at once may come in any order.
    found.sort_by_key(|end| (end.3, end.0));
    let expected = [
        (earlier.id(), Some(user), EndReason::Replaced, minute(1)),
        (alone.id(), Some(user), EndReason::RevokedByUser, minute(2)),
        (parent.id(), Some(user), EndReason::Replaced, minute(3)),
        (parent.id(), Some(user), EndReason::SignedOut, minute(4)),
        (child.id(), Some(user), EndReason::SignedOut, minute(4)),
    ];
    same!(found, expected.to_vec(), "the feed");

    let other = fixture.signed_in(user, minute(5)).await?;
    let idle = fixture.child(&other, WIKI, minute(5)).await?;
    let begin = now(&fixture).await?;
    fixture.sweep(minute(90), 50).await?;
    let found = ends_after(&fixture, &begin).await?;
    for id in [other.id(), idle.id()] {
        holds!(found.contains(&(id, EndReason::IdleTimeout)), "{id} is not in {found:?}");
    }
    same!(found.len(), 2, "the ends by the sweep");
    Ok(())
}

async fn the_feed_goes_on_after_the_child_of_any_end(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let begin = now(&fixture).await?;
    let mut expected = Vec::new();
    for _ in 0..3 {
        let parent = fixture.signed_in(user, minute(0)).await?;
        expected.push(parent.id());
        for origin in [WIKI, MAIL] {
            expected.push(fixture.child(&parent, origin, minute(0)).await?.id());
        }
    }
    // All in one step, and one more.
    fixture.raise(user, 2, minute(1)).await?;
    let last = fixture.signed_in(fixture.fresh_user(), minute(1)).await?;
    expected.push(last.id());
    fixture.end(&last, EndReason::SignedOut, minute(2)).await?;

    let (all, next) = read(&fixture, &begin, 50).await?;

    let ids: Vec<SessionId> = all.iter().map(|end| end.session).collect();
    let mut sorted = ids.clone();
    sorted.sort();
    expected.sort();
    same!(sorted, expected, "the ends");
    for (n, one) in all.iter().enumerate() {
        let rest = ends_after(&fixture, &one.cursor).await?;
        let rest: Vec<SessionId> = rest.into_iter().map(|(id, _)| id).collect();
        same!(rest, ids[n + 1..].to_vec(), "what comes after the end number {n}");
    }
    same!(ends_after(&fixture, &next).await?, vec![], "what comes after all of them");
    let mut cursor = begin;
    for (n, id) in ids.iter().enumerate() {
        let (page, next) = read(&fixture, &cursor, 1).await?;
        let page: Vec<SessionId> = page.iter().map(|end| end.session).collect();
        same!(page, vec![*id], "the page number {n}");
        cursor = next;
    }
    Ok(())
}
