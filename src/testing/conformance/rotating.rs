//! Rotation is one step: the old token is dead, the new one is live, and all else stays.

use super::stage::{Stage, minute};
use super::{Verdict, Violation, chapter, holds, same};
use crate::sessions::{Compartment, EndReason, Ended, Keeping, Kept, Loaded, Rotation, Session};

chapter![
    a_rotated_token_says_replaced_and_the_new_one_is_live,
    a_rotated_token_leads_to_its_session_and_no_other_token_does,
    an_ended_token_tells_whether_it_was_anonymous,
    a_rotation_keeps_everything_but_the_token,
    a_proof_of_identity_moves_authenticated_at,
    a_token_can_be_rotated_once,
    an_unknown_token_can_not_be_rotated,
    a_rotation_to_a_digest_in_use_changes_nothing,
    the_session_behind_a_rotated_token_still_ends_and_lists,
];

async fn a_rotated_token_says_replaced_and_the_new_one_is_live(stage: Stage) -> Verdict {
    for held in
        [stage.signed_in(stage.fresh_user(), minute(0)).await?, stage.anonymous(minute(0)).await?]
    {
        let Some(new) = stage.rotate(&held, minute(3)).await? else {
            return Err(Violation::new("a live session was not rotated"));
        };

        let replaced = Ended { reason: EndReason::Replaced, at: minute(3) };
        let loaded = stage.store.load(&held.digest).await?;
        same!(loaded.ended(), Some(replaced), "the old token");
        same!(stage.now(&new).await?, held.session, "the session by its new token");
        same!(stage.store.find(held.id()).await?, Some(held.session.clone()), "by its id");
        same!(stage.store.find_ended(held.id()).await?, None, "the end of the session");
    }
    Ok(())
}

async fn a_rotated_token_leads_to_its_session_and_no_other_token_does(stage: Stage) -> Verdict {
    let held = stage.signed_in(stage.fresh_user(), minute(0)).await?;
    let Some(new) = stage.rotate(&held, minute(3)).await? else {
        return Err(Violation::new("a live session was not rotated"));
    };

    same!(stage.store.find_rotated(&held.digest).await?, Some(held.id()), "the old token");
    same!(stage.store.find_rotated(&new.digest).await?, None, "the new token");
    stage.end(&new, EndReason::SignedOut, minute(4)).await?;
    same!(stage.store.find_rotated(&new.digest).await?, None, "the token it ended with");
    Ok(())
}

async fn an_ended_token_tells_whether_it_was_anonymous(stage: Stage) -> Verdict {
    let user = stage.signed_in(stage.fresh_user(), minute(0)).await?;
    let visitor = stage.anonymous(minute(0)).await?;
    for (held, was_anonymous) in [(user, false), (visitor, true)] {
        let Some(new) = stage.rotate(&held, minute(1)).await? else {
            return Err(Violation::new("a live session was not rotated"));
        };
        stage.end(&new, EndReason::IdleTimeout, minute(2)).await?;
        for token in [&held, &new] {
            let loaded = stage.store.load(&token.digest).await?;
            let Loaded::Ended { anonymous, .. } = loaded else {
                return Err(Violation::new(format!("not ended: {loaded:?}")));
            };
            same!(anonymous, was_anonymous, "whether it was anonymous");
        }
    }
    Ok(())
}

async fn a_rotation_keeps_everything_but_the_token(stage: Stage) -> Verdict {
    let held = stage.signed_in(stage.fresh_user(), minute(0)).await?;
    stage.keep(&held, Compartment::Visitor, (0, b"{}")).await?;
    stage.keep(&held, Compartment::Application, (0, b"a")).await?;
    stage.keep(&held, Compartment::Application, (1, b"b")).await?;
    stage.touch(&held, minute(2)).await?;
    let before = stage.now(&held).await?;

    let Some(new) = stage.rotate(&held, minute(3)).await? else {
        return Err(Violation::new("a live session was not rotated"));
    };

    same!(stage.now(&new).await?, before, "the session");
    let visitor = stage.store.data(held.id(), Compartment::Visitor).await?;
    same!(visitor, Some(Kept { version: 1, data: b"{}".to_vec() }), "the visitor's data");
    let application = stage.store.data(held.id(), Compartment::Application).await?;
    same!(application, Some(Kept { version: 2, data: b"b".to_vec() }), "the application's data");
    let keeping = stage.keep(&new, Compartment::Visitor, (1, b"{}")).await?;
    same!(keeping, Keeping::Kept, "a write on top of what was read before");
    Ok(())
}

async fn a_proof_of_identity_moves_authenticated_at(stage: Stage) -> Verdict {
    let held = stage.signed_in(stage.fresh_user(), minute(0)).await?;
    let to = stage.fresh_digest();
    let rotation = Rotation { from: held.digest, to, authenticated: true, at: minute(4) };

    same!(stage.store.rotate(&rotation).await?, true, "whether it was rotated");

    let expected = Session { authenticated_at: Some(minute(4)), ..held.session.clone() };
    same!(stage.store.load(&to).await?, Loaded::Live(expected), "the session");
    Ok(())
}

async fn a_token_can_be_rotated_once(stage: Stage) -> Verdict {
    let held = stage.signed_in(stage.fresh_user(), minute(0)).await?;
    let Some(second) = stage.rotate(&held, minute(1)).await? else {
        return Err(Violation::new("a live session was not rotated"));
    };

    same!(stage.rotate(&held, minute(2)).await?.is_some(), false, "the old token's rotation");
    holds!(stage.is_live(&second).await?, "the new token is not live");
    let Some(third) = stage.rotate(&second, minute(3)).await? else {
        return Err(Violation::new("a live session was not rotated again"));
    };

    for (old, at) in [(&held, minute(1)), (&second, minute(3))] {
        let replaced = Ended { reason: EndReason::Replaced, at };
        same!(stage.store.load(&old.digest).await?.ended(), Some(replaced), "an old token");
    }
    holds!(stage.is_live(&third).await?, "the newest token is not live");
    Ok(())
}

async fn an_unknown_token_can_not_be_rotated(stage: Stage) -> Verdict {
    let (from, to) = (stage.fresh_digest(), stage.fresh_digest());
    let rotation = Rotation { from, to, authenticated: true, at: minute(0) };

    same!(stage.store.rotate(&rotation).await?, false, "whether it was rotated");
    for token in [from, to] {
        same!(stage.store.load(&token).await?, Loaded::Unknown, "a token never issued");
    }
    Ok(())
}

/// Two tokens never collide by chance, so whether this is `false` or an error is left open.
async fn a_rotation_to_a_digest_in_use_changes_nothing(stage: Stage) -> Verdict {
    let user = stage.fresh_user();
    let held = stage.signed_in(user, minute(0)).await?;
    let other = stage.signed_in(stage.fresh_user(), minute(0)).await?;
    let ended = stage.signed_in(user, minute(0)).await?;
    stage.end(&ended, EndReason::SignedOut, minute(1)).await?;
    let end = stage.end_of(&ended).await?;

    for to in [other.digest, ended.digest, held.digest] {
        let rotation = Rotation { from: held.digest, to, authenticated: true, at: minute(2) };
        let rotated = stage.store.rotate(&rotation).await.unwrap_or(false);
        same!(rotated, false, "whether it was rotated");
        same!(stage.now(&held).await?, held.session, "the session");
        same!(stage.now(&other).await?, other.session, "the other session");
        same!(stage.end_of(&ended).await?, end, "the ended session");
    }
    Ok(())
}

async fn the_session_behind_a_rotated_token_still_ends_and_lists(stage: Stage) -> Verdict {
    let user = stage.fresh_user();
    let held = stage.signed_in(user, minute(0)).await?;
    let Some(new) = stage.rotate(&held, minute(1)).await? else {
        return Err(Violation::new("a live session was not rotated"));
    };
    stage.touch(&held, minute(2)).await?;
    same!(stage.ids_of(user).await?, [held.id()], "the sessions of the user");
    same!(stage.now(&new).await?.last_seen_at, minute(2), "the activity");

    stage.end(&new, EndReason::SignedOut, minute(3)).await?;

    let end = Ended { reason: EndReason::SignedOut, at: minute(3) };
    same!(stage.end_of(&new).await?, Some(end), "the end");
    let replaced = Ended { reason: EndReason::Replaced, at: minute(1) };
    let loaded = stage.store.load(&held.digest).await?;
    same!(loaded.ended(), Some(replaced), "the token that was rotated away before");
    Ok(())
}
