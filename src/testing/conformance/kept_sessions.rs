//! The session that a change of its user keeps, under a new token and the new epoch.

use super::fixture::{Fixture, LiveSession, at_once, minute};
use super::{CaseResult, Violation, case_group, holds, same};
use crate::accounts::{Epoch, EpochReason, Factor, KeptSession, Proof, UserId};
use crate::sessions::{
    Compartment, EndReason, Ended, EpochMove, Kept, Loaded, Owner, ProvenFactor, Session,
};

case_group![
    a_survivor_goes_on_under_a_new_token_and_the_new_epoch,
    a_proof_of_identity_moves_the_survivors_authenticated_at,
    a_survivor_that_was_rotated_away_meanwhile_does_not_survive,
    a_survivor_that_ended_meanwhile_stays_ended,
    another_users_session_is_no_survivor,
    an_anonymous_session_is_no_survivor,
    a_survivor_of_a_move_that_changes_nothing_keeps_its_token,
    of_two_changes_at_once_no_third_session_is_left,
];

async fn raise_but_for(
    fixture: &Fixture,
    user: UserId,
    survivor: KeptSession,
    to: i64,
) -> Result<u64, Violation> {
    let (to, reason) = (Epoch::from_number(to), EpochReason::RevokedByUser);
    let raise = EpochMove { user, to, reason, survivor: Some(survivor), at: minute(9) };
    Ok(fixture.store.raise_epoch(&raise).await?)
}

fn surviving(fixture: &Fixture, held: &LiveSession) -> KeptSession {
    KeptSession {
        session: held.id().as_uuid(),
        from: *held.digest.as_bytes(),
        to: *fixture.fresh_digest().as_bytes(),
        proof: Proof::Nothing,
    }
}

fn token_of(survivor: &KeptSession) -> crate::sessions::TokenDigest {
    crate::sessions::TokenDigest::from_bytes(survivor.to)
}

async fn a_survivor_goes_on_under_a_new_token_and_the_new_epoch(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let held = fixture.signed_in(user, minute(0)).await?;
    let other = fixture.signed_in(user, minute(1)).await?;
    fixture.keep(&held, Compartment::Visitor, (0, b"{}")).await?;
    fixture.touch(&held, minute(2)).await?;
    let before = fixture.now(&held).await?;
    let survivor = surviving(&fixture, &held);

    let ended = raise_but_for(&fixture, user, survivor, 2).await?;

    same!(ended, 1, "the sessions that ended");
    let owner = Owner::User { id: user, epoch: Epoch::from_number(2) };
    let expected = Session { owner, ..before };
    let loaded = fixture.store.load(&token_of(&survivor)).await?;
    same!(loaded, Loaded::Live(expected), "the survivor");
    let replaced = Ended { reason: EndReason::Replaced, at: minute(9) };
    same!(fixture.store.load(&held.digest).await?.ended(), Some(replaced), "its old token");
    same!(fixture.store.find_ended(held.id()).await?, None, "its end");
    let kept = fixture.store.data(held.id(), Compartment::Visitor).await?;
    same!(kept, Some(Kept { version: 1, data: b"{}".to_vec() }), "its data");
    let revoked = Ended { reason: EndReason::RevokedByUser, at: minute(9) };
    same!(fixture.end_of(&other).await?, Some(revoked), "the other session");

    same!(fixture.raise(user, 3, minute(10)).await?, 1, "the sessions that the next raise ends");
    Ok(())
}

async fn a_proof_of_identity_moves_the_survivors_authenticated_at(fixture: Fixture) -> CaseResult {
    let factor = Factor::Totp;
    for proof in [Proof::Nothing, Proof::Password, Proof::Factor(factor)] {
        let user = fixture.fresh_user();
        let held = fixture.signed_in(user, minute(0)).await?;
        let survivor = KeptSession { proof, ..surviving(&fixture, &held) };

        raise_but_for(&fixture, user, survivor, 2).await?;

        let Some(session) = fixture.store.find(held.id()).await? else {
            return Err(Violation::new("the survivor is gone"));
        };
        let expected = if proof.is_identity() { minute(9) } else { minute(0) };
        same!(session.authenticated_at, Some(expected), "the last proof");
        let proven = proof.factor().map(|factor| ProvenFactor { factor, at: minute(9) });
        same!(session.second_factor, proven, "the second factor");
    }
    Ok(())
}

async fn a_survivor_that_was_rotated_away_meanwhile_does_not_survive(
    fixture: Fixture,
) -> CaseResult {
    let user = fixture.fresh_user();
    let held = fixture.signed_in(user, minute(0)).await?;
    let survivor = surviving(&fixture, &held);
    let Some(rotated) = fixture.rotate(&held, minute(1)).await? else {
        return Err(Violation::new("a live session was not rotated"));
    };

    same!(raise_but_for(&fixture, user, survivor, 2).await?, 1, "the sessions that ended");

    let revoked = Ended { reason: EndReason::RevokedByUser, at: minute(9) };
    same!(fixture.end_of(&rotated).await?, Some(revoked), "the end");
    let loaded = fixture.store.load(&token_of(&survivor)).await?;
    same!(loaded, Loaded::Unknown, "the survivor's new token");
    Ok(())
}

async fn a_survivor_that_ended_meanwhile_stays_ended(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let held = fixture.signed_in(user, minute(0)).await?;
    let survivor = surviving(&fixture, &held);
    fixture.end(&held, EndReason::SignedOut, minute(1)).await?;

    same!(raise_but_for(&fixture, user, survivor, 2).await?, 0, "the sessions that ended");

    let end = Ended { reason: EndReason::SignedOut, at: minute(1) };
    same!(fixture.end_of(&held).await?, Some(end), "the end");
    let loaded = fixture.store.load(&token_of(&survivor)).await?;
    same!(loaded, Loaded::Unknown, "the survivor's new token");
    Ok(())
}

async fn is_no_survivor(fixture: &Fixture, held: &LiveSession) -> CaseResult {
    let user = fixture.fresh_user();
    let own = fixture.signed_in(user, minute(0)).await?;
    let survivor = surviving(fixture, held);

    same!(raise_but_for(fixture, user, survivor, 2).await?, 1, "the sessions that ended");

    holds!(!fixture.is_live(&own).await?, "the user's own session is live");
    same!(fixture.now(held).await?, held.session, "the session that was named");
    let loaded = fixture.store.load(&token_of(&survivor)).await?;
    same!(loaded, Loaded::Unknown, "the survivor's new token");
    Ok(())
}

async fn another_users_session_is_no_survivor(fixture: Fixture) -> CaseResult {
    let other = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    is_no_survivor(&fixture, &other).await
}

async fn an_anonymous_session_is_no_survivor(fixture: Fixture) -> CaseResult {
    let visitor = fixture.anonymous(minute(0)).await?;
    is_no_survivor(&fixture, &visitor).await
}

async fn a_survivor_of_a_move_that_changes_nothing_keeps_its_token(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let held = fixture.signed_in(user, minute(0)).await?;
    let survivor = KeptSession { proof: Proof::Password, ..surviving(&fixture, &held) };

    same!(raise_but_for(&fixture, user, survivor, 1).await?, 0, "the sessions that ended");

    same!(fixture.now(&held).await?, held.session, "the session");
    let loaded = fixture.store.load(&token_of(&survivor)).await?;
    same!(loaded, Loaded::Unknown, "the token that was not needed");
    Ok(())
}

async fn of_two_changes_at_once_no_third_session_is_left(fixture: Fixture) -> CaseResult {
    for _ in 0..20 {
        let user = fixture.fresh_user();
        let tabs =
            [fixture.signed_in(user, minute(0)).await?, fixture.signed_in(user, minute(1)).await?];
        fixture.signed_in(user, minute(2)).await?;
        let changes = tabs.clone().into_iter().zip(2..).map(|(held, to)| {
            let fixture = fixture.clone();
            async move {
                let survivor = surviving(&fixture, &held);
                raise_but_for(&fixture, user, survivor, to).await
            }
        });

        at_once(changes.collect()).await?;

        let left = fixture.ids_of(user).await?;
        let tabs = tabs.map(|held| held.id());
        holds!(left.len() <= 1, "more than one session is left: {left:?}");
        holds!(left.iter().all(|id| tabs.contains(id)), "another session is left: {left:?}");
    }
    Ok(())
}
