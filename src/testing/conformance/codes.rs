//! A hand-over code is taken once, and never after the end of its session.

use time::OffsetDateTime;

use super::ending::end_somehow;
use super::fixture::{Fixture, at_once, minute};
use super::{CaseResult, Violation, case_group, holds, same};
use crate::sessions::{CodeKept, EndReason, HandoverCode, Owner, SessionId};

case_group![
    a_code_gives_what_was_kept_and_once,
    of_parallel_takes_of_one_code_exactly_one_wins,
    no_code_is_taken_after_its_session_has_ended_however,
    a_code_against_the_end_of_its_session_is_taken_once_at_most,
    a_new_token_of_the_session_leaves_its_codes,
    a_code_is_kept_only_for_a_live_session,
    a_code_in_use_is_not_kept_again,
    a_session_has_sixteen_outstanding_codes_at_most,
    of_parallel_codes_no_more_than_sixteen_are_kept,
    codes_that_expired_do_not_count,
    a_sweep_deletes_expired_codes_and_no_others,
];

const ROUNDS: usize = 20;
const MOST: usize = HandoverCode::MOST as usize;

async fn kept(
    fixture: &Fixture,
    session: SessionId,
    expires_at: OffsetDateTime,
) -> Result<HandoverCode, Violation> {
    let code = fixture.code(session, expires_at);
    same!(fixture.store.keep_code(&code, minute(0)).await?, CodeKept::Kept, "keeping a code");
    Ok(code)
}

async fn a_code_gives_what_was_kept_and_once(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let (one, other) =
        (kept(&fixture, held.id(), minute(1)).await?, kept(&fixture, held.id(), minute(1)).await?);

    same!(fixture.store.take_code(&one.digest).await?, Some(one.clone()), "a code");
    for _ in 0..2 {
        same!(fixture.store.take_code(&one.digest).await?, None, "the same code again");
    }
    same!(fixture.store.take_code(&other.digest).await?, Some(other), "another code");
    let nobodys = fixture.code(held.id(), minute(1));
    same!(fixture.store.take_code(&nobodys.digest).await?, None, "a code that was never kept");
    same!(fixture.now(&held).await?, held.session, "the session");
    Ok(())
}

async fn of_parallel_takes_of_one_code_exactly_one_wins(fixture: Fixture) -> CaseResult {
    for _ in 0..ROUNDS {
        let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let code = kept(&fixture, held.id(), minute(1)).await?;
        let takes = (0..8).map(|_| {
            let (store, digest) = (fixture.store.clone(), code.digest);
            async move { Ok(store.take_code(&digest).await?) }
        });

        let won: Vec<HandoverCode> =
            at_once(takes.collect()).await?.into_iter().flatten().collect();

        same!(won, vec![code], "the codes that were taken");
    }
    Ok(())
}

async fn no_code_is_taken_after_its_session_has_ended_however(fixture: Fixture) -> CaseResult {
    for way in 0.. {
        let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let code = kept(&fixture, held.id(), minute(600)).await?;
        if end_somehow(&fixture, &held, way).await?.is_none() {
            break;
        }
        for _ in 0..2 {
            same!(fixture.store.take_code(&code.digest).await?, None, "a code after the end");
        }
    }
    Ok(())
}

async fn a_code_against_the_end_of_its_session_is_taken_once_at_most(
    fixture: Fixture,
) -> CaseResult {
    for _ in 0..ROUNDS {
        let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
        let code = kept(&fixture, held.id(), minute(600)).await?;
        let mut operations: Vec<std::pin::Pin<Box<dyn Future<Output = _> + Send>>> = Vec::new();
        for _ in 0..3 {
            let (store, digest) = (fixture.store.clone(), code.digest);
            operations.push(Box::pin(async move { Ok(store.take_code(&digest).await?.is_some()) }));
        }
        let (ending, ended) = (fixture.clone(), held.clone());
        operations.push(Box::pin(async move {
            ending.end(&ended, EndReason::SignedOut, minute(1)).await?;
            Ok(false)
        }));

        let taken = at_once(operations).await?.into_iter().filter(|taken| *taken).count();

        holds!(taken <= 1, "a code was taken {taken} times");
        same!(fixture.store.take_code(&code.digest).await?, None, "a late take");
    }
    Ok(())
}

async fn a_new_token_of_the_session_leaves_its_codes(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let code = kept(&fixture, held.id(), minute(1)).await?;
    fixture.rotate(&held, minute(0)).await?;
    same!(fixture.store.take_code(&code.digest).await?, Some(code), "the code");
    Ok(())
}

async fn a_code_is_kept_only_for_a_live_session(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let child = fixture.child(&held, "https://wiki.example.org", minute(0)).await?;
    let ended = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    fixture.end(&ended, EndReason::SignedOut, minute(0)).await?;
    let nobody = fixture.draft(Owner::Anonymous, minute(0)).session.id;

    for session in [child.id(), ended.id(), nobody] {
        let code = fixture.code(session, minute(1));
        same!(fixture.store.keep_code(&code, minute(0)).await?, CodeKept::Gone, "keeping a code");
        same!(fixture.store.take_code(&code.digest).await?, None, "the code");
    }
    Ok(())
}

async fn a_code_in_use_is_not_kept_again(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let other = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let code = kept(&fixture, held.id(), minute(1)).await?;

    let again = HandoverCode { session: other.id(), ..code.clone() };
    same!(fixture.store.keep_code(&again, minute(0)).await?, CodeKept::Taken, "keeping it again");

    same!(fixture.store.take_code(&code.digest).await?, Some(code), "the code");
    Ok(())
}

async fn a_session_has_sixteen_outstanding_codes_at_most(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let other = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let mut codes = Vec::new();
    for _ in 0..MOST {
        codes.push(kept(&fixture, held.id(), minute(1)).await?);
    }

    let beyond = fixture.code(held.id(), minute(1));
    same!(fixture.store.keep_code(&beyond, minute(0)).await?, CodeKept::Full, "one code more");
    same!(fixture.store.take_code(&beyond.digest).await?, None, "the code");
    kept(&fixture, other.id(), minute(1)).await?;

    same!(fixture.store.take_code(&codes[3].digest).await?.is_some(), true, "a code");
    same!(fixture.store.keep_code(&beyond, minute(0)).await?, CodeKept::Kept, "in its place");
    let next = fixture.code(held.id(), minute(1));
    same!(fixture.store.keep_code(&next, minute(0)).await?, CodeKept::Full, "one code more");
    Ok(())
}

async fn of_parallel_codes_no_more_than_sixteen_are_kept(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let keeps = (0..3 * MOST).map(|_| {
        let (store, code) = (fixture.store.clone(), fixture.code(held.id(), minute(1)));
        async move { Ok(store.keep_code(&code, minute(0)).await?) }
    });

    let outcomes = at_once(keeps.collect()).await?;

    let count = |wanted| outcomes.iter().filter(|kept| **kept == wanted).count();
    same!((count(CodeKept::Kept), count(CodeKept::Full)), (MOST, 2 * MOST), "the outcomes");
    Ok(())
}

async fn codes_that_expired_do_not_count(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    for n in 0..MOST {
        kept(&fixture, held.id(), minute(if n == 0 { 1 } else { 2 })).await?;
    }
    let millisecond = time::Duration::MILLISECOND;
    let beyond = fixture.code(held.id(), minute(9));

    let early = fixture.store.keep_code(&beyond, minute(1) - millisecond).await?;
    same!(early, CodeKept::Full, "before the first expires");
    same!(fixture.store.keep_code(&beyond, minute(1)).await?, CodeKept::Kept, "when it does");
    let next = fixture.code(held.id(), minute(9));
    same!(fixture.store.keep_code(&next, minute(1)).await?, CodeKept::Full, "one more");
    Ok(())
}

async fn a_sweep_deletes_expired_codes_and_no_others(fixture: Fixture) -> CaseResult {
    let held = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let mut codes = Vec::new();
    for n in 0..10 {
        codes.push(kept(&fixture, held.id(), minute(n)).await?);
    }

    let swept = fixture.sweep(minute(6), 3).await?;

    same!((swept.ended, swept.forgotten), (0, 0), "the sessions that were swept");
    for (code, n) in codes.into_iter().zip(0..) {
        let taken = fixture.store.take_code(&code.digest).await?;
        same!(taken.is_some(), n > 6, "whether the code that expires at minute {n} is left");
    }
    Ok(())
}
