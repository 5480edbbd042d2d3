//! Starts write the requested session, and no id is used twice.

use super::fixture::{Fixture, LiveSession, minute};
use super::{CaseResult, case_group, same};
use crate::sessions::{
    Compartment, EndReason, Kept, Loaded, Owner, SessionId, Start, Started, TimeoutRule,
};

case_group![
    an_empty_store_answers_and_knows_nothing,
    a_started_session_is_found_as_it_was_started,
    a_session_starts_without_data,
    a_digest_in_use_is_taken,
    an_id_in_use_is_taken,
    the_digest_of_an_ended_session_is_taken,
    the_id_of_an_ended_session_is_taken,
    a_digest_that_was_rotated_away_is_taken,
];

async fn an_empty_store_answers_and_knows_nothing(fixture: Fixture) -> CaseResult {
    let nobody = fixture.draft(Owner::Anonymous, minute(0));
    let (store, id) = (&fixture.store, nobody.session.id);

    store.ready().await?;
    same!(store.load(&nobody.digest).await?, Loaded::Unknown, "a token never issued");
    same!(store.find(id).await?, None, "an id never issued");
    same!(store.token_of(id).await?, None, "the token of an id never issued");
    same!(store.find_ended(id).await?, None, "the end of an id never issued");
    same!(store.data(id, Compartment::Visitor).await?, None, "the data of nobody");
    same!(store.list(fixture.fresh_user()).await?, [], "the sessions of nobody");
    same!(store.list_all(None, 10).await?, [], "all sessions");
    Ok(())
}

async fn a_started_session_is_found_as_it_was_started(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let mut starts = vec![fixture.draft(Owner::Anonymous, minute(0))];
    for (rule, address) in TimeoutRule::ALL.into_iter().zip(["192.0.2.7", "2001:db8::7", ""]) {
        let mut start = fixture.draft_for(user, minute(i64::from(rule.number())));
        start.session.rule = rule;
        start.session.remember_me = rule == TimeoutRule::Remembered;
        start.session.expires_at += time::Duration::milliseconds(7);
        start.session.client.ip_address = address.parse().ok();
        start.session.client.user_agent = String::from("ключ \u{1F511} '\"\\");
        starts.push(start);
    }
    for start in &starts {
        fixture.begin(start).await?;
    }

    for Start { session, digest, .. } in starts {
        let loaded = fixture.store.load(&digest).await?;
        same!(loaded, Loaded::Live(session.clone()), "the session by its token");
        same!(fixture.store.find(session.id).await?, Some(session.clone()), "by its id");
        same!(fixture.store.find_ended(session.id).await?, None, "the end of a live session");
    }
    Ok(())
}

async fn a_session_starts_without_data(fixture: Fixture) -> CaseResult {
    let held = fixture.anonymous(minute(0)).await?;

    for compartment in [Compartment::Visitor, Compartment::Application] {
        let kept = fixture.store.data(held.id(), compartment).await?;
        same!(kept, Some(Kept::default()), "{compartment:?} before the first write");
    }
    Ok(())
}

async fn a_digest_in_use_is_taken(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    refused_as_taken(&fixture, &held, |start| start.digest = held.digest).await?;
    same!(fixture.now(&held).await?, held.session, "the session that had the digest");
    Ok(())
}

async fn an_id_in_use_is_taken(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    refused_as_taken(&fixture, &held, |start| start.session.id = held.id()).await?;
    same!(fixture.now(&held).await?, held.session, "the session that had the id");
    Ok(())
}

async fn the_digest_of_an_ended_session_is_taken(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    fixture.end(&held, EndReason::SignedOut, minute(1)).await?;
    let end = fixture.end_of(&held).await?;
    refused_as_taken(&fixture, &held, |start| start.digest = held.digest).await?;
    same!(fixture.end_of(&held).await?, end, "the end of the session that had the digest");
    Ok(())
}

async fn the_id_of_an_ended_session_is_taken(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    fixture.end(&held, EndReason::SignedOut, minute(1)).await?;
    let end = fixture.end_of(&held).await?;
    refused_as_taken(&fixture, &held, |start| start.session.id = held.id()).await?;
    same!(fixture.end_of(&held).await?, end, "the end of the session that had the id");
    Ok(())
}

async fn a_digest_that_was_rotated_away_is_taken(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let rotated = fixture.rotate(&held, minute(1)).await?;
    refused_as_taken(&fixture, &held, |start| start.digest = held.digest).await?;
    let Some(rotated) = rotated else { return Err(super::Violation::new("no rotation")) };
    same!(fixture.is_live(&rotated).await?, true, "whether the rotated session is live");
    Ok(())
}

/// Starts what `collide` makes of a draft for the same user, with a brought session, under a limit
/// of one; nothing of it may be written.
async fn refused_as_taken(
    fixture: &Fixture,
    held: &LiveSession,
    collide: impl Fn(&mut Start),
) -> CaseResult {
    let user = held.session.owner.user();
    let visitor = fixture.anonymous(minute(2)).await?;
    let mut start = fixture.draft(held.session.owner, minute(3));
    start.previous_token = Some(visitor.digest);
    start.limit = Some(super::fixture::evict_beyond(1));
    let (id, digest) = (start.session.id, start.digest);
    collide(&mut start);

    same!(fixture.store.start(&start).await?, Started::Taken, "the start");
    same!(fixture.is_live(&visitor).await?, true, "whether the previous session is live");
    if let Some(user) = user {
        let of_user: Vec<SessionId> = fixture.ids_of(user).await?;
        let was_live: Vec<SessionId> = match fixture.store.find(held.id()).await? {
            Some(session) => vec![session.id],
            None => Vec::new(),
        };
        same!(of_user, was_live, "the sessions of the user");
    }
    if start.digest != digest {
        same!(fixture.store.find(id).await?, None, "the session that was refused");
    } else if start.session.id != id {
        same!(fixture.store.load(&digest).await?, Loaded::Unknown, "the token that was refused");
    }
    Ok(())
}
