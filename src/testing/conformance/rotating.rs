//! Rotation is one step: the old token is dead, the new one is live, and the rest stays.

use uuid::Uuid;

use super::fixture::{Fixture, minute};
use super::{CaseResult, Violation, case_group, holds, same};
use crate::accounts::{Factor, PasskeyId, Proof};
use crate::sessions::{
    Compartment, EndReason, Ended, Keeping, Kept, Loaded, ProvenFactor, Rotation, Session,
    SessionPasskey,
};

case_group![
    a_rotated_token_says_replaced_and_the_new_one_is_live,
    a_rotated_token_leads_to_its_session_and_no_other_token_does,
    an_ended_token_tells_whether_it_was_anonymous,
    a_rotation_keeps_everything_but_the_token,
    a_proof_of_identity_moves_authenticated_at,
    a_second_factor_is_noted_with_its_time_and_stays,
    the_passkey_that_started_a_session_stays,
    a_token_can_be_rotated_once,
    an_unknown_token_can_not_be_rotated,
    a_rotation_to_a_digest_in_use_changes_nothing,
    the_session_behind_a_rotated_token_still_ends_and_lists,
];

async fn a_rotated_token_says_replaced_and_the_new_one_is_live(fixture: Fixture) -> CaseResult {
    for held in [
        fixture.signed_in(fixture.fresh_user(), minute(0)).await?,
        fixture.anonymous(minute(0)).await?,
    ] {
        same!(fixture.store.token_of(held.id()).await?, Some(held.digest), "its first token");
        let Some(new) = fixture.rotate(&held, minute(3)).await? else {
            return Err(Violation::new("a live session was not rotated"));
        };

        let replaced = Ended { reason: EndReason::Replaced, at: minute(3) };
        let loaded = fixture.store.load(&held.digest).await?;
        same!(loaded.ended(), Some(replaced), "the old token");
        same!(fixture.now(&new).await?, held.session, "the session by its new token");
        same!(fixture.store.find(held.id()).await?, Some(held.session.clone()), "by its id");
        same!(fixture.store.token_of(held.id()).await?, Some(new.digest), "its token");
        same!(fixture.store.find_ended(held.id()).await?, None, "the end of the session");
    }
    Ok(())
}

async fn a_rotated_token_leads_to_its_session_and_no_other_token_does(
    fixture: Fixture,
) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let Some(new) = fixture.rotate(&held, minute(3)).await? else {
        return Err(Violation::new("a live session was not rotated"));
    };

    same!(fixture.store.find_rotated(&held.digest).await?, Some(held.id()), "the old token");
    same!(fixture.store.find_rotated(&new.digest).await?, None, "the new token");
    fixture.end(&new, EndReason::SignedOut, minute(4)).await?;
    same!(fixture.store.find_rotated(&new.digest).await?, None, "the token it ended with");
    Ok(())
}

async fn an_ended_token_tells_whether_it_was_anonymous(fixture: Fixture) -> CaseResult {
    let user = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let visitor = fixture.anonymous(minute(0)).await?;
    for (held, was_anonymous) in [(user, false), (visitor, true)] {
        let Some(new) = fixture.rotate(&held, minute(1)).await? else {
            return Err(Violation::new("a live session was not rotated"));
        };
        fixture.end(&new, EndReason::IdleTimeout, minute(2)).await?;
        for token in [&held, &new] {
            let loaded = fixture.store.load(&token.digest).await?;
            let Loaded::Ended { anonymous, .. } = loaded else {
                return Err(Violation::new(format!("not ended: {loaded:?}")));
            };
            same!(anonymous, was_anonymous, "whether it was anonymous");
        }
    }
    Ok(())
}

async fn a_rotation_keeps_everything_but_the_token(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    fixture.keep(&held, Compartment::Visitor, (0, b"{}")).await?;
    fixture.keep(&held, Compartment::Application, (0, b"a")).await?;
    fixture.keep(&held, Compartment::Application, (1, b"b")).await?;
    fixture.touch(&held, minute(2)).await?;
    let before = fixture.now(&held).await?;

    let Some(new) = fixture.rotate(&held, minute(3)).await? else {
        return Err(Violation::new("a live session was not rotated"));
    };

    same!(fixture.now(&new).await?, before, "the session");
    let visitor = fixture.store.data(held.id(), Compartment::Visitor).await?;
    same!(visitor, Some(Kept { version: 1, data: b"{}".to_vec() }), "the visitor's data");
    let application = fixture.store.data(held.id(), Compartment::Application).await?;
    same!(application, Some(Kept { version: 2, data: b"b".to_vec() }), "the application's data");
    let keeping = fixture.keep(&new, Compartment::Visitor, (1, b"{}")).await?;
    same!(keeping, Keeping::Kept, "a write on top of what was read before");
    Ok(())
}

async fn a_proof_of_identity_moves_authenticated_at(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let to = fixture.fresh_digest();
    let rotation = Rotation { from: held.digest, to, proof: Proof::Password, at: minute(4) };

    same!(fixture.store.rotate(&rotation).await?, true, "whether it was rotated");

    let expected = Session { authenticated_at: Some(minute(4)), ..held.session.clone() };
    same!(fixture.store.load(&to).await?, Loaded::Live(expected), "the session");
    Ok(())
}

async fn a_second_factor_is_noted_with_its_time_and_stays(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let (mut from, mut expected) = (held.digest, held.session.clone());
    let [totp, recovery_code, passkey] = Factor::ALL.map(Proof::Factor);
    let proofs =
        [(1, totp), (2, Proof::Password), (3, Proof::Nothing), (4, passkey), (5, recovery_code)];
    for (at, proof) in proofs {
        let to = fixture.fresh_digest();
        let rotation = Rotation { from, to, proof, at: minute(at) };
        same!(fixture.store.rotate(&rotation).await?, true, "whether it was rotated");
        expected = expected.with_proof(proof, minute(at));
        same!(fixture.store.load(&to).await?, Loaded::Live(expected.clone()), "the session");
        from = to;
    }
    let last = ProvenFactor { factor: Factor::RecoveryCode, at: minute(5) };
    same!(expected.second_factor, Some(last), "the factor that was proven last");
    Ok(())
}

/// It says with which passkey the session goes, so it stays whatever is proven later.
async fn the_passkey_that_started_a_session_stays(fixture: Fixture) -> CaseResult {
    for (number, is_alone) in [(1, true), (2, false)] {
        let mut start = fixture.draft_for(fixture.fresh_user(), minute(0));
        let id = PasskeyId::from_uuid(Uuid::from_u128(number));
        start.session.second_factor = Some(ProvenFactor { factor: Factor::Passkey, at: minute(0) });
        start.session.passkey = Some(SessionPasskey { id, is_alone });
        start.session.client.ip_address = "192.0.2.7".parse().ok();
        fixture.begin(&start).await?;
        let (mut from, mut expected) = (start.digest, start.session.clone());
        let factors = Factor::ALL.map(Proof::Factor).into_iter();
        for (at, proof) in [Proof::Nothing, Proof::Password].into_iter().chain(factors).enumerate()
        {
            let at = minute(i64::try_from(at).unwrap_or_default() + 1);
            let to = fixture.fresh_digest();
            fixture.store.rotate(&Rotation { from, to, proof, at }).await?;
            expected = expected.with_proof(proof, at);
            same!(fixture.store.load(&to).await?, Loaded::Live(expected.clone()), "the session");
            from = to;
        }
        same!(fixture.store.find(expected.id).await?, Some(expected.clone()), "by its id");
        let listed =
            fixture.store.list(expected.owner.user().unwrap_or_else(|| fixture.fresh_user()));
        same!(listed.await?, [expected], "in the list");
    }
    Ok(())
}

async fn a_token_can_be_rotated_once(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let Some(second) = fixture.rotate(&held, minute(1)).await? else {
        return Err(Violation::new("a live session was not rotated"));
    };

    same!(fixture.rotate(&held, minute(2)).await?.is_some(), false, "the old token's rotation");
    holds!(fixture.is_live(&second).await?, "the new token is not live");
    let Some(third) = fixture.rotate(&second, minute(3)).await? else {
        return Err(Violation::new("a live session was not rotated again"));
    };

    for (old, at) in [(&held, minute(1)), (&second, minute(3))] {
        let replaced = Ended { reason: EndReason::Replaced, at };
        same!(fixture.store.load(&old.digest).await?.ended(), Some(replaced), "an old token");
    }
    holds!(fixture.is_live(&third).await?, "the newest token is not live");
    Ok(())
}

async fn an_unknown_token_can_not_be_rotated(fixture: Fixture) -> CaseResult {
    let (from, to) = (fixture.fresh_digest(), fixture.fresh_digest());
    let rotation = Rotation { from, to, proof: Proof::Password, at: minute(0) };

    same!(fixture.store.rotate(&rotation).await?, false, "whether it was rotated");
    for token in [from, to] {
        same!(fixture.store.load(&token).await?, Loaded::Unknown, "a token never issued");
    }
    Ok(())
}

/// Two tokens never collide by chance, so whether this is `false` or an error is left open.
async fn a_rotation_to_a_digest_in_use_changes_nothing(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let held = fixture.signed_in(user, minute(0)).await?;
    let other = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let ended = fixture.signed_in(user, minute(0)).await?;
    fixture.end(&ended, EndReason::SignedOut, minute(1)).await?;
    let end = fixture.end_of(&ended).await?;

    for to in [other.digest, ended.digest, held.digest] {
        let rotation = Rotation { from: held.digest, to, proof: Proof::Password, at: minute(2) };
        let rotated = fixture.store.rotate(&rotation).await.unwrap_or(false);
        same!(rotated, false, "whether it was rotated");
        same!(fixture.now(&held).await?, held.session, "the session");
        same!(fixture.now(&other).await?, other.session, "the other session");
        same!(fixture.end_of(&ended).await?, end, "the ended session");
    }
    Ok(())
}

async fn the_session_behind_a_rotated_token_still_ends_and_lists(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let held = fixture.signed_in(user, minute(0)).await?;
    let Some(new) = fixture.rotate(&held, minute(1)).await? else {
        return Err(Violation::new("a live session was not rotated"));
    };
    fixture.touch(&held, minute(2)).await?;
    same!(fixture.ids_of(user).await?, [held.id()], "the sessions of the user");
    same!(fixture.now(&new).await?.last_seen_at, minute(2), "the activity");

    fixture.end(&new, EndReason::SignedOut, minute(3)).await?;

    let end = Ended { reason: EndReason::SignedOut, at: minute(3) };
    same!(fixture.end_of(&new).await?, Some(end), "the end");
    let replaced = Ended { reason: EndReason::Replaced, at: minute(1) };
    let loaded = fixture.store.load(&held.digest).await?;
    same!(loaded.ended(), Some(replaced), "the token that was rotated away before");
    Ok(())
}
