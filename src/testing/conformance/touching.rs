//! Touching moves the last activity forward, and nothing else.

use super::fixture::{Fixture, LiveSession, minute};
use super::{CaseResult, case_group, same};
use crate::sessions::{Client, Compartment, EndReason, Ended, Loaded, Owner, Session, Touch};

case_group![
    a_touch_moves_the_last_activity_and_nothing_else,
    a_touch_never_moves_the_last_activity_back,
    a_touch_never_moves_the_absolute_deadline,
    of_several_touches_of_one_session_the_latest_counts,
    a_touch_says_where_the_last_activity_came_from,
    where_a_session_was_seen_goes_with_a_new_token_and_not_to_another_session,
    a_batch_passes_over_the_ended_and_the_unknown,
    an_empty_batch_is_fine,
    timeouts_are_not_judged_by_the_store,
];

async fn a_touch_moves_the_last_activity_and_nothing_else(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let other = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let at = minute(7) + time::Duration::milliseconds(5);

    fixture.touch(&held, at).await?;

    let expected = Session { last_seen_at: at, ..held.session.clone() };
    same!(fixture.now(&held).await?, expected, "the session by its token");
    same!(fixture.store.find(held.id()).await?, Some(expected), "the session by its id");
    same!(fixture.now(&other).await?, other.session, "another session");
    Ok(())
}

async fn a_touch_never_moves_the_last_activity_back(fixture: Fixture) -> CaseResult {
    let held = fixture.anonymous(minute(0)).await?;
    fixture.touch(&held, minute(5)).await?;

    for earlier in [4, 0, -1_000] {
        fixture.touch(&held, minute(earlier)).await?;
        same!(fixture.now(&held).await?.last_seen_at, minute(5), "the last activity");
    }
    Ok(())
}

async fn a_touch_never_moves_the_absolute_deadline(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    for at in [30, 24 * 60 - 1, 24 * 60, 40 * 24 * 60] {
        fixture.touch(&held, minute(at)).await?;
        let expires_at = fixture.now(&held).await?.expires_at;
        same!(expires_at, held.session.expires_at, "the absolute deadline");
    }

    fixture.sweep(minute(24 * 60), 100).await?;
    let end = Ended { reason: EndReason::AbsoluteTimeout, at: minute(24 * 60) };
    same!(fixture.end_of(&held).await?, Some(end), "the end of a busy session");
    Ok(())
}

async fn of_several_touches_of_one_session_the_latest_counts(fixture: Fixture) -> CaseResult {
    let held = fixture.anonymous(minute(0)).await?;
    let touches =
        [3, 9, 6].map(|at| Touch { id: held.id(), at: minute(at), client: away(&at.to_string()) });

    fixture.store.touch(&touches).await?;

    let now = fixture.now(&held).await?;
    same!(now.last_seen_at, minute(9), "the last activity");
    same!(now.last_client(), &away("9"), "where it came from");
    Ok(())
}

/// Another network, and a browser of this name.
fn away(user_agent: &str) -> Client {
    Client { ip_address: "2001:db8::9".parse().ok(), user_agent: user_agent.to_owned() }
}

async fn a_touch_says_where_the_last_activity_came_from(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    same!(held.session.moved_to, None, "where a new session was last seen");
    let nowhere = Client { ip_address: None, user_agent: String::new() };
    for (at, client) in [(1, away("there")), (2, nowhere), (3, held.session.client.clone())] {
        let touch = Touch { id: held.id(), at: minute(at), client: client.clone() };
        fixture.store.touch(&[touch]).await?;

        let mut expected = Session { last_seen_at: minute(at), ..held.session.clone() };
        expected.came_from(&client);
        same!(fixture.now(&held).await?, expected, "the session by its token");
        same!(fixture.store.find(held.id()).await?, Some(expected.clone()), "by its id");
        same!(fixture.store.list_all(None, 9).await?, [expected], "in a list");
    }
    let late = Touch { id: held.id(), at: minute(2), client: away("late") };
    fixture.store.touch(&[late]).await?;
    same!(fixture.now(&held).await?.moved_to, None, "after a touch that came late");
    Ok(())
}

async fn where_a_session_was_seen_goes_with_a_new_token_and_not_to_another_session(
    fixture: Fixture,
) -> CaseResult {
    let user = fixture.fresh_user();
    let held = fixture.signed_in(user, minute(0)).await?;
    fixture.keep(&held, Compartment::Visitor, (0, b"{}")).await?;
    fixture.store.touch(&[Touch { id: held.id(), at: minute(1), client: away("there") }]).await?;

    let Some(held) = fixture.rotate(&held, minute(2)).await? else {
        return Err(super::Violation::new("it was not rotated"));
    };
    same!(fixture.now(&held).await?.moved_to, Some(away("there")), "under a new token");
    let mut start = fixture.draft_for(user, minute(3));
    start.previous_token = Some(held.digest);
    let (next, ..) = fixture.begin(&start).await?;
    same!(fixture.now(&next).await?.moved_to, None, "where the next session was last seen");
    Ok(())
}

async fn a_batch_passes_over_the_ended_and_the_unknown(fixture: Fixture) -> CaseResult {
    let mut live = Vec::new();
    for _ in 0..100 {
        live.push(fixture.anonymous(minute(0)).await?);
    }
    let ended = fixture.anonymous(minute(0)).await?;
    fixture.end(&ended, EndReason::SignedOut, minute(1)).await?;
    let unknown = fixture.draft(Owner::Anonymous, minute(0));
    let ids = [ended.id(), unknown.session.id].into_iter().chain(live.iter().map(LiveSession::id));
    let touches: Vec<_> = ids.map(|id| Touch { id, at: minute(2), client: away("") }).collect();

    fixture.store.touch(&touches).await?;

    for held in &live {
        same!(fixture.now(held).await?.last_seen_at, minute(2), "the activity of a live session");
    }
    let end = Ended { reason: EndReason::SignedOut, at: minute(1) };
    same!(fixture.end_of(&ended).await?, Some(end), "the ended session");
    same!(fixture.store.find(unknown.session.id).await?, None, "the unknown session");
    same!(fixture.store.load(&unknown.digest).await?, Loaded::Unknown, "the unknown token");
    Ok(())
}

async fn an_empty_batch_is_fine(fixture: Fixture) -> CaseResult {
    Ok(fixture.store.touch(&[]).await?)
}

async fn timeouts_are_not_judged_by_the_store(fixture: Fixture) -> CaseResult {
    // Long past and far ahead of any clock that the store might ask.
    for years in [-8, 200] {
        let at = minute(years * 365 * 24 * 60);
        let user = fixture.fresh_user();
        let held = fixture.signed_in(user, at).await?;
        same!(fixture.now(&held).await?, held.session, "the session");
        same!(fixture.ids_of(user).await?, [held.id()], "the sessions of the user");
        same!(fixture.rotate(&held, at).await?.is_some(), true, "whether it was rotated");
        same!(fixture.end(&held, EndReason::SignedOut, at).await?, true, "whether it ended");
        same!(
            fixture.store.find_ended(held.id()).await?.is_some(),
            true,
            "whether its end is known"
        );
    }
    Ok(())
}
