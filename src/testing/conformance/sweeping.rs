//! A sweep changes no answer, does a bounded amount of work, and leaves nothing behind.

use time::{Duration, OffsetDateTime};

use super::fixture::{Fixture, LiveSession, cutoffs, minute};
use super::{CaseResult, Violation, case_group, holds, same};
use crate::sessions::{
    Compartment, EndReason, Ended, Loaded, SessionId, SessionPolicy, TimedOut, TimeoutRule,
};

case_group![
    a_sweep_changes_no_answer,
    a_sweep_is_bounded_and_comes_to_an_end,
    a_sweep_leaves_no_orphan,
    a_sweep_tells_idle_from_absolute,
    the_deadline_itself_is_too_late,
    each_rule_has_its_own_timeouts,
    an_end_is_forgotten_after_a_day,
    a_session_that_timed_out_more_than_a_day_ago_is_forgotten,
    a_touched_session_is_swept_by_its_new_activity,
    a_sweep_by_an_earlier_time_does_nothing,
    a_sweep_names_the_sessions_of_users_that_it_ended,
];

const MILLISECOND: Duration = Duration::MILLISECOND;
const DAY: i64 = 24 * 60;

/// Sessions of every rule and several ages; some touched, some ended, some rotated.
async fn population(fixture: &Fixture) -> Result<Vec<LiveSession>, Violation> {
    let user = fixture.fresh_user();
    let mut all = Vec::new();
    for number in 0..36 {
        let rule = TimeoutRule::ALL[usize::try_from(number % 3).unwrap_or(0)];
        let at = minute(number * 97);
        let mut start = fixture.draft_for(user, at);
        if number % 4 == 0 {
            start = fixture.draft(crate::sessions::Owner::Anonymous, at);
        }
        start.session.rule = rule;
        start.session.expires_at = SessionPolicy::default().expires_at(rule, at);
        let (mut held, ..) = fixture.begin(&start).await?;
        if number % 5 == 0 {
            fixture.touch(&held, at + Duration::minutes(11)).await?;
        }
        if number % 7 == 0
            && let Some(new) = fixture.rotate(&held, at + Duration::minutes(12)).await?
        {
            all.push(std::mem::replace(&mut held, new));
        }
        if number % 6 == 0 {
            fixture.end(&held, EndReason::SignedOut, at + Duration::minutes(13)).await?;
        }
        all.push(held);
    }
    Ok(all)
}

/// The conclusion of a caller who judges by the policy from a token at `at`.
async fn judged(
    fixture: &Fixture,
    held: &LiveSession,
    at: OffsetDateTime,
) -> Result<String, Violation> {
    let cutoffs = cutoffs(at);
    let over = |ended: Ended| {
        if cutoffs.remembers(ended) { format!("{ended:?}") } else { "unknown".to_owned() }
    };
    Ok(match fixture.store.load(&held.digest).await? {
        Loaded::Live(session) => cutoffs.ended(&session).map_or(format!("{session:?}"), over),
        Loaded::Child(live) => {
            cutoffs.ended(&live.parent).map_or_else(|| format!("{live:?}"), over)
        }
        Loaded::Ended { ended, .. } | Loaded::EndedChild(ended) => over(ended),
        Loaded::Unknown => "unknown".to_owned(),
    })
}

/// The live ones of a list, as a caller who judges by the policy shows it.
async fn judged_list(fixture: &Fixture, at: OffsetDateTime) -> Result<Vec<SessionId>, Violation> {
    let all = fixture.store.list_all(None, 1_000).await?;
    let live = all.iter().filter(|session| cutoffs(at).ended(session).is_none());
    Ok(live.map(|session| session.id).collect())
}

async fn a_sweep_changes_no_answer(fixture: Fixture) -> CaseResult {
    let all = population(&fixture).await?;
    for step in 0..60 {
        let at = minute(step * step * 20);
        let mut before = Vec::new();
        for held in &all {
            before.push(judged(&fixture, held, at).await?);
        }
        let list = judged_list(&fixture, at).await?;

        fixture.store.sweep(&cutoffs(at), 3).await?;
        same!(judged_list(&fixture, at).await?, list, "the list after a part of a sweep");
        fixture.sweep(at, 3).await?;

        same!(judged_list(&fixture, at).await?, list, "the list after a sweep");
        for (held, before) in all.iter().zip(before) {
            same!(
                judged(&fixture, held, at).await?,
                before,
                "a token at minute {}",
                step * step * 20
            );
        }
        same!(fixture.store.list_all(None, 1_000).await?.len(), list.len(), "the rows left");
    }
    Ok(())
}

async fn a_sweep_is_bounded_and_comes_to_an_end(fixture: Fixture) -> CaseResult {
    for number in 0..25 {
        let held = fixture.anonymous(minute(number % 3)).await?;
        if number % 2 == 0 {
            fixture.end(&held, EndReason::SignedOut, minute(3)).await?;
        }
    }
    // Twelve have timed out, and the thirteen others are past their day.
    let at = minute(DAY + 30);
    let mut worked = 0;
    for _ in 0..100 {
        let live_before = fixture.store.list_all(None, 1_000).await?.len();
        let swept = fixture.store.sweep(&cutoffs(at), 4).await?;
        let live_after = fixture.store.list_all(None, 1_000).await?.len();

        holds!(swept.ended + swept.forgotten <= 4, "more than four rows: {swept:?}");
        holds!(live_before - live_after <= 4, "more than four sessions went at once");
        worked += swept.ended + swept.forgotten;
        if swept.done {
            holds!(worked >= 25, "done after only {worked} of 25 rows");
            let again = fixture.store.sweep(&cutoffs(at), 4).await?;
            same!((again.ended, again.forgotten, again.done), (0, 0, true), "one sweep more");
            return Ok(());
        }
    }
    Err(Violation::new("the sweep never says that it is done"))
}

async fn a_sweep_leaves_no_orphan(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let mut all = Vec::new();
    for at in 0..12 {
        let held = fixture.signed_in(user, minute(at)).await?;
        fixture.keep(&held, Compartment::Visitor, (0, b"{}")).await?;
        if let Some(new) = fixture.rotate(&held, minute(at)).await? {
            all.extend([held, new]);
        }
    }
    fixture.sweep(minute(10 * DAY), 5).await?;

    same!(fixture.store.list(user).await?, [], "the sessions of the user");
    same!(fixture.store.list_all(None, 100).await?, [], "all sessions");
    for held in &all {
        same!(fixture.store.load(&held.digest).await?, Loaded::Unknown, "a token");
        same!(fixture.store.find(held.id()).await?, None, "a session");
        same!(fixture.store.find_ended(held.id()).await?, None, "an end");
        same!(fixture.store.data(held.id(), Compartment::Visitor).await?, None, "its data");
    }
    let raised = fixture.raise(user, 2, minute(10 * DAY)).await?;
    same!(raised, 0, "the sessions that a raise still ends");
    Ok(())
}

async fn a_sweep_tells_idle_from_absolute(fixture: Fixture) -> CaseResult {
    // Sessions that ended before must not block later ones.
    let gone = fixture.signed_in(fixture.fresh_user(), minute(-5)).await?;
    fixture.end(&gone, EndReason::SignedOut, minute(30)).await?;
    let idle = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let busy = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let live = fixture.signed_in(fixture.fresh_user(), minute(DAY - 10)).await?;
    fixture.touch(&idle, minute(10)).await?;
    fixture.touch(&busy, minute(DAY - 1)).await?;

    let swept = fixture.sweep(minute(DAY + 9), 100).await?;

    same!((swept.ended, swept.forgotten), (2, 0), "the sweep");
    let end = Ended { reason: EndReason::IdleTimeout, at: minute(70) };
    same!(fixture.end_of(&idle).await?, Some(end), "the end of the idle one");
    let end = Ended { reason: EndReason::AbsoluteTimeout, at: minute(DAY) };
    same!(fixture.end_of(&busy).await?, Some(end), "the end of the busy one");
    same!(fixture.now(&live).await?, live.session, "the live one");
    Ok(())
}

async fn the_deadline_itself_is_too_late(fixture: Fixture) -> CaseResult {
    for (last_seen, deadline) in [(0, 60), (DAY - 1, DAY)] {
        let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        fixture.touch(&held, minute(last_seen)).await?;

        fixture.sweep(minute(deadline) - MILLISECOND, 100).await?;
        holds!(fixture.is_live(&held).await?, "swept before its deadline");
        fixture.sweep(minute(deadline), 100).await?;
        let end = fixture.end_of(&held).await?.map(|ended| ended.at);
        same!(end, Some(minute(deadline)), "the end");
    }
    Ok(())
}

async fn each_rule_has_its_own_timeouts(fixture: Fixture) -> CaseResult {
    let deadlines = [60, 14 * DAY, 15];
    let mut all = Vec::new();
    for rule in TimeoutRule::ALL {
        let mut start = fixture.draft_for(fixture.fresh_user(), minute(0));
        start.session.rule = rule;
        start.session.expires_at = SessionPolicy::default().expires_at(rule, minute(0));
        all.push(fixture.begin(&start).await?.0);
    }
    for at in [15, 60, 14 * DAY] {
        fixture.sweep(minute(at) - MILLISECOND, 100).await?;
        for (held, deadline) in all.iter().zip(deadlines) {
            same!(fixture.is_live(held).await?, deadline >= at, "live before minute {at}");
        }
        fixture.sweep(minute(at), 100).await?;
        for (held, deadline) in all.iter().zip(deadlines) {
            same!(fixture.is_live(held).await?, deadline > at, "live at minute {at}");
        }
    }
    Ok(())
}

async fn an_end_is_forgotten_after_a_day(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let Some(rotated) = fixture.rotate(&held, minute(1)).await? else {
        return Err(Violation::new("a live session was not rotated"));
    };
    fixture.end(&rotated, EndReason::SignedOut, minute(2)).await?;

    fixture.sweep(minute(DAY + 2), 100).await?;
    same!(fixture.store.load(&held.digest).await?, Loaded::Unknown, "the older token");
    let end = Ended { reason: EndReason::SignedOut, at: minute(2) };
    same!(fixture.end_of(&rotated).await?, Some(end), "the end, a day old to the millisecond");

    fixture.sweep(minute(DAY + 2) + MILLISECOND, 100).await?;
    same!(fixture.store.load(&rotated.digest).await?, Loaded::Unknown, "the token");
    same!(fixture.store.find_ended(rotated.id()).await?, None, "the end");
    Ok(())
}

async fn a_session_that_timed_out_more_than_a_day_ago_is_forgotten(fixture: Fixture) -> CaseResult {
    let held = fixture.anonymous(minute(0)).await?;

    fixture.sweep(minute(60 + DAY) + MILLISECOND, 100).await?;

    same!(fixture.store.load(&held.digest).await?, Loaded::Unknown, "the token");
    same!(fixture.store.find(held.id()).await?, None, "the session");
    same!(fixture.store.find_ended(held.id()).await?, None, "the end");
    Ok(())
}

async fn a_touched_session_is_swept_by_its_new_activity(fixture: Fixture) -> CaseResult {
    let held = fixture.anonymous(minute(0)).await?;
    for at in [50, 100, 150] {
        fixture.touch(&held, minute(at)).await?;
        fixture.sweep(minute(at + 59), 100).await?;
        holds!(fixture.is_live(&held).await?, "swept 59 minutes after its activity");
    }
    fixture.sweep(minute(210), 100).await?;
    let end = Ended { reason: EndReason::IdleTimeout, at: minute(210) };
    same!(fixture.end_of(&held).await?, Some(end), "the end");
    Ok(())
}

async fn a_sweep_by_an_earlier_time_does_nothing(fixture: Fixture) -> CaseResult {
    let timed_out = fixture.anonymous(minute(0)).await?;
    let live = fixture.anonymous(minute(90)).await?;
    fixture.sweep(minute(100), 100).await?;
    let end = fixture.end_of(&timed_out).await?;

    for at in [50, -10 * DAY] {
        let swept = fixture.sweep(minute(at), 100).await?;
        same!((swept.ended, swept.forgotten), (0, 0), "a sweep by minute {at}");
    }
    same!(fixture.end_of(&timed_out).await?, end, "the end of the swept session");
    same!(fixture.now(&live).await?, live.session, "the live session");
    Ok(())
}

async fn a_sweep_names_the_sessions_of_users_that_it_ended(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let (idle, _) =
        (fixture.signed_in(user, minute(0)).await?, fixture.anonymous(minute(0)).await?);
    let live = fixture.signed_in(user, minute(50)).await?;

    let swept = fixture.sweep(minute(70), 100).await?;

    let ended = Ended { reason: EndReason::IdleTimeout, at: minute(60) };
    let named = vec![TimedOut { id: idle.id(), user, ended }];
    same!((swept.ended, swept.timed_out), (2, named), "what was swept");
    let again = fixture.sweep(minute(70), 100).await?;
    same!(again.timed_out, Vec::new(), "what a second sweep names");
    same!(fixture.now(&live).await?, live.session, "the live session");
    Ok(())
}
