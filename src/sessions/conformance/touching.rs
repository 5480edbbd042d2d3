//! Touching moves the last activity forward, and nothing else.

use super::stage::{Held, Stage, minute};
use super::{Verdict, chapter, same};
use crate::sessions::{EndReason, Ended, Loaded, Owner, Session, Touch};

chapter![
    a_touch_moves_the_last_activity_and_nothing_else,
    a_touch_never_moves_the_last_activity_back,
    a_touch_never_moves_the_absolute_deadline,
    of_several_touches_of_one_session_the_latest_counts,
    a_batch_passes_over_the_ended_and_the_unknown,
    an_empty_batch_is_fine,
    timeouts_are_not_judged_by_the_store,
];

async fn a_touch_moves_the_last_activity_and_nothing_else(stage: Stage) -> Verdict {
    let held = stage.signed_in(stage.fresh_user(), minute(0)).await?;
    let other = stage.signed_in(stage.fresh_user(), minute(0)).await?;
    let at = minute(7) + time::Duration::milliseconds(5);

    stage.touch(&held, at).await?;

    let expected = Session { last_seen_at: at, ..held.session.clone() };
    same!(stage.now(&held).await?, expected, "the session by its token");
    same!(stage.store.find(held.id()).await?, Some(expected), "the session by its id");
    same!(stage.now(&other).await?, other.session, "another session");
    Ok(())
}

async fn a_touch_never_moves_the_last_activity_back(stage: Stage) -> Verdict {
    let held = stage.anonymous(minute(0)).await?;
    stage.touch(&held, minute(5)).await?;

    for earlier in [4, 0, -1_000] {
        stage.touch(&held, minute(earlier)).await?;
        same!(stage.now(&held).await?.last_seen_at, minute(5), "the last activity");
    }
    Ok(())
}

async fn a_touch_never_moves_the_absolute_deadline(stage: Stage) -> Verdict {
    let held = stage.signed_in(stage.fresh_user(), minute(0)).await?;
    for at in [30, 24 * 60 - 1, 24 * 60, 40 * 24 * 60] {
        stage.touch(&held, minute(at)).await?;
        let expires_at = stage.now(&held).await?.expires_at;
        same!(expires_at, held.session.expires_at, "the absolute deadline");
    }

    stage.sweep(minute(24 * 60), 100).await?;
    let end = Ended { reason: EndReason::AbsoluteTimeout, at: minute(24 * 60) };
    same!(stage.end_of(&held).await?, Some(end), "the end of a busy session");
    Ok(())
}

async fn of_several_touches_of_one_session_the_latest_counts(stage: Stage) -> Verdict {
    let held = stage.anonymous(minute(0)).await?;
    let touches = [3, 9, 6].map(|at| Touch { id: held.id(), at: minute(at) });

    stage.store.touch(&touches).await?;

    same!(stage.now(&held).await?.last_seen_at, minute(9), "the last activity");
    Ok(())
}

async fn a_batch_passes_over_the_ended_and_the_unknown(stage: Stage) -> Verdict {
    let mut live = Vec::new();
    for _ in 0..100 {
        live.push(stage.anonymous(minute(0)).await?);
    }
    let ended = stage.anonymous(minute(0)).await?;
    stage.end(&ended, EndReason::SignedOut, minute(1)).await?;
    let unknown = stage.draft(Owner::Anonymous, minute(0));
    let ids = [ended.id(), unknown.session.id].into_iter().chain(live.iter().map(Held::id));
    let touches: Vec<_> = ids.map(|id| Touch { id, at: minute(2) }).collect();

    stage.store.touch(&touches).await?;

    for held in &live {
        same!(stage.now(held).await?.last_seen_at, minute(2), "the activity of a live session");
    }
    let end = Ended { reason: EndReason::SignedOut, at: minute(1) };
    same!(stage.end_of(&ended).await?, Some(end), "the ended session");
    same!(stage.store.find(unknown.session.id).await?, None, "the unknown session");
    same!(stage.store.load(&unknown.digest).await?, Loaded::Unknown, "the unknown token");
    Ok(())
}

async fn an_empty_batch_is_fine(stage: Stage) -> Verdict {
    Ok(stage.store.touch(&[]).await?)
}

async fn timeouts_are_not_judged_by_the_store(stage: Stage) -> Verdict {
    // Long past and far ahead of any clock that the store might ask.
    for years in [-8, 200] {
        let at = minute(years * 365 * 24 * 60);
        let user = stage.fresh_user();
        let held = stage.signed_in(user, at).await?;
        same!(stage.now(&held).await?, held.session, "the session");
        same!(stage.ids_of(user).await?, [held.id()], "the sessions of the user");
        same!(stage.rotate(&held, at).await?.is_some(), true, "whether it was rotated");
        same!(stage.end(&held, EndReason::SignedOut, at).await?, true, "whether it ended");
        same!(stage.store.find_ended(held.id()).await?.is_some(), true, "whether its end is known");
    }
    Ok(())
}
