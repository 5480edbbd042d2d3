//! Lists: each live session of the owner once, in order. Reading writes nothing.

use super::fixture::{Fixture, minute};
use super::{CaseResult, case_group, holds, same};
use crate::accounts::UserId;
use crate::sessions::{Compartment, Counted, EndReason, Owner, SessionId};

case_group![
    a_list_has_the_newest_activity_first,
    a_list_has_only_sessions_of_its_user,
    paging_through_all_meets_each_live_session_once,
    a_page_may_begin_after_a_session_that_is_gone,
    paging_back_meets_each_live_session_once_the_newest_first,
    a_page_back_may_begin_before_a_session_that_is_gone,
    a_page_of_none_is_empty,
    a_count_has_only_sessions_that_were_not_ended,
    reading_writes_nothing,
];

async fn a_list_has_the_newest_activity_first(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let mut held = Vec::new();
    for at in 0..4 {
        held.push(fixture.signed_in(user, minute(at)).await?);
    }
    fixture.touch(&held[1], minute(20)).await?;
    fixture.touch(&held[0], minute(10)).await?;

    let order = [1, 0, 3, 2].map(|place: usize| held[place].id());
    same!(fixture.ids_of(user).await?, order, "the list");
    let first = fixture.store.list(user).await?.into_iter().next();
    same!(first, Some(fixture.now(&held[1]).await?), "the first of the list");
    Ok(())
}

async fn a_list_has_only_sessions_of_its_user(fixture: Fixture) -> CaseResult {
    let users: [UserId; 3] = std::array::from_fn(|_| fixture.fresh_user());
    let mut expected: [Vec<SessionId>; 3] = Default::default();
    for at in (0..9).rev() {
        let whose = usize::try_from(at % 3).unwrap_or(0);
        let held = fixture.signed_in(users[whose], minute(at)).await?;
        expected[whose].push(held.id());
        fixture.anonymous(minute(at)).await?;
    }
    for (user, expected) in users.into_iter().zip(expected) {
        same!(fixture.ids_of(user).await?, expected, "the list of a user");
    }
    Ok(())
}

async fn paging_through_all_meets_each_live_session_once(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let mut expected = Vec::new();
    for at in (0..23).rev() {
        let owner = if at % 2 == 0 {
            Owner::Anonymous
        } else {
            fixture.draft_for(user, minute(0)).session.owner
        };
        let (held, ..) = fixture.begin(&fixture.draft(owner, minute(at))).await?;
        if at % 5 == 0 {
            fixture.end(&held, EndReason::SignedOut, minute(30)).await?;
        } else {
            expected.push(held.session);
        }
    }
    expected.sort_by_key(|session| session.id);

    for limit in [1, 4, 18, 19, u32::MAX] {
        let mut met = Vec::new();
        loop {
            let after = met.last().map(|session: &crate::sessions::Session| session.id);
            let page = fixture.store.list_all(after, limit).await?;
            holds!(
                page.len() <= usize::try_from(limit).unwrap_or(usize::MAX),
                "a page is longer than {limit}"
            );
            if page.is_empty() {
                break;
            }
            met.extend(page);
            holds!(met.len() <= expected.len(), "paging by {limit} meets too many");
        }
        same!(met, expected, "all sessions, {limit} at a time");
    }
    Ok(())
}

async fn a_page_may_begin_after_a_session_that_is_gone(fixture: Fixture) -> CaseResult {
    let mut held = Vec::new();
    for at in 0..3 {
        held.push(fixture.anonymous(minute(at)).await?);
    }
    fixture.end(&held[1], EndReason::SignedOut, minute(5)).await?;

    let page = fixture.store.list_all(Some(held[1].id()), 10).await?;
    same!(page, [held[2].session.clone()], "the page");
    Ok(())
}

async fn paging_back_meets_each_live_session_once_the_newest_first(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let mut expected = Vec::new();
    // More than any backend keeps in one piece.
    for at in 0..150 {
        let held = if at % 2 == 0 {
            fixture.anonymous(minute(at)).await?
        } else {
            fixture.signed_in(user, minute(at)).await?
        };
        if at % 5 == 0 {
            fixture.end(&held, EndReason::SignedOut, minute(200)).await?;
        } else {
            expected.push(held.session);
        }
    }
    expected.reverse();

    for limit in [1, 7, 119, 120, 121, u32::MAX] {
        let (mut met, mut before) = (Vec::new(), None);
        loop {
            let page = fixture.store.list_newest(before, limit).await?;
            holds!(
                page.sessions.len() <= usize::try_from(limit).unwrap_or(usize::MAX),
                "a page is longer than {limit}"
            );
            met.extend(page.sessions);
            holds!(met.len() <= expected.len(), "paging back by {limit} meets too many");
            let Some(next) = page.next else { break };
            holds!(before.is_none_or(|before| next < before), "paging back stands still");
            before = Some(next);
        }
        same!(met, expected, "all sessions, {limit} at a time");
    }
    Ok(())
}

async fn a_page_back_may_begin_before_a_session_that_is_gone(fixture: Fixture) -> CaseResult {
    let mut held = Vec::new();
    for at in 0..3 {
        held.push(fixture.anonymous(minute(at)).await?);
    }
    fixture.end(&held[1], EndReason::SignedOut, minute(5)).await?;

    let page = fixture.store.list_newest(Some(held[1].id()), 10).await?;
    same!(page.sessions, [held[0].session.clone()], "the page");
    let page = fixture.store.list_newest(Some(held[0].id()), 10).await?;
    same!(page, crate::sessions::NewestSessions::default(), "the page before the first");
    Ok(())
}

async fn a_page_of_none_is_empty(fixture: Fixture) -> CaseResult {
    fixture.anonymous(minute(0)).await?;
    same!(fixture.store.list_all(None, 0).await?, [], "the page");
    same!(fixture.store.list_newest(None, 0).await?.sessions, [], "the page back");
    Ok(())
}

async fn a_count_has_only_sessions_that_were_not_ended(fixture: Fixture) -> CaseResult {
    let Some(counted) = fixture.store.count().await? else { return Ok(()) };
    same!(counted, Counted::default(), "the count of an empty store");
    let user = fixture.fresh_user();
    let held = fixture.signed_in(user, minute(0)).await?;
    fixture.signed_in(user, minute(1)).await?;
    fixture.anonymous(minute(2)).await?;
    let two = Counted { users: 2, anonymous: 1 };
    same!(fixture.store.count().await?, Some(two), "two of a user and one of a visitor");
    fixture.end(&held, EndReason::SignedOut, minute(3)).await?;
    let one = Counted { users: 1, anonymous: 1 };
    same!(fixture.store.count().await?, Some(one), "the rest after one has ended");
    Ok(())
}

async fn reading_writes_nothing(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let held = fixture.signed_in(user, minute(0)).await?;
    let ended = fixture.signed_in(user, minute(1)).await?;
    fixture.end(&ended, EndReason::SignedOut, minute(2)).await?;
    let unknown = fixture.draft(Owner::Anonymous, minute(0));
    let read_all = async || {
        let mut read = Vec::new();
        for digest in [held.digest, ended.digest, unknown.digest] {
            read.push(format!("{:?}", fixture.store.load(&digest).await?));
        }
        for id in [held.id(), ended.id(), unknown.session.id] {
            read.push(format!("{:?}", fixture.store.find(id).await?));
            read.push(format!("{:?}", fixture.store.find_ended(id).await?));
            for compartment in [Compartment::Visitor, Compartment::Application] {
                read.push(format!("{:?}", fixture.store.data(id, compartment).await?));
            }
        }
        read.push(format!("{:?}", fixture.store.list(user).await?));
        read.push(format!("{:?}", fixture.store.list_all(None, 10).await?));
        read.push(format!("{:?}", fixture.store.list_newest(None, 10).await?));
        fixture.store.ready().await?;
        Ok::<_, super::Violation>(read)
    };

    let first = read_all().await?;
    same!(read_all().await?, first, "the second reading");
    same!(fixture.now(&held).await?, held.session, "the session");
    Ok(())
}
