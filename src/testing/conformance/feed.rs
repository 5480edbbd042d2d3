//! The feed of ends is complete, for every kind of end and every time of reading.

use std::collections::BTreeSet;

use super::fixture::{Fixture, LiveSession, at_once, evict_beyond, minute};
use super::{CaseResult, Violation, case_group, holds, same};
use crate::accounts::{Epoch, EpochReason, KeptSession, Proof, UserId};
use crate::sessions::{Cursor, EndReason, Ended, EpochMove, Revocation, Revocations, SessionId};

case_group![
    the_feed_begins_where_it_is_asked_for,
    every_way_in_which_a_session_ends_is_in_the_feed,
    the_feed_says_whose_session_ended_and_why_and_when,
    what_ends_nothing_is_not_in_the_feed,
    the_feed_is_in_the_order_of_the_ends,
    the_feed_goes_on_right_after_the_cursor_of_any_end,
    a_page_of_the_feed_leaves_nothing_out,
    a_reader_misses_none_of_many_parallel_ends,
    an_end_that_is_acknowledged_is_in_the_next_read,
    an_end_of_all_makes_every_cursor_expire,
    a_cursor_that_was_never_given_has_expired,
    a_cursor_expires_once_an_end_after_it_is_forgotten,
    a_sweep_forgets_the_feed_to_the_end,
];

const DAY: i64 = 24 * 60;

/// The cursor at the end of the feed.
pub(super) async fn now(fixture: &Fixture) -> Result<Cursor, Violation> {
    match fixture.store.revocations_after(None, 50).await? {
        Revocations::After { revocations, next } if revocations.is_empty() => Ok(next),
        other => Err(Violation::new(format!("without a cursor the feed says {other:?}"))),
    }
}

/// The entries after a cursor, and the next cursor.
pub(super) async fn read(
    fixture: &Fixture,
    after: &Cursor,
    most: u32,
) -> Result<(Vec<Revocation>, Cursor), Violation> {
    match fixture.store.revocations_after(Some(after), most).await? {
        Revocations::After { revocations, next } => Ok((revocations, next)),
        Revocations::Expired => Err(Violation::new(format!("{} has expired", after.as_str()))),
    }
}

async fn has_expired(fixture: &Fixture, after: &Cursor) -> Result<bool, Violation> {
    Ok(fixture.store.revocations_after(Some(after), 50).await? == Revocations::Expired)
}

fn ids(revocations: &[Revocation]) -> Vec<SessionId> {
    revocations.iter().map(|one| one.session).collect()
}

fn with_reasons(revocations: &[Revocation]) -> BTreeSet<(SessionId, &'static str)> {
    revocations.iter().map(|one| (one.session, one.ended.reason.as_str())).collect()
}

async fn sessions(fixture: &Fixture, count: usize) -> Result<Vec<LiveSession>, Violation> {
    let mut held = Vec::new();
    for _ in 0..count {
        held.push(fixture.signed_in(fixture.fresh_user(), minute(0)).await?);
    }
    Ok(held)
}

async fn end(fixture: &Fixture, held: &LiveSession) -> CaseResult {
    let ended = fixture.end(held, EndReason::SignedOut, minute(1)).await?;
    holds!(ended, "a live session did not end");
    Ok(())
}

async fn the_feed_begins_where_it_is_asked_for(fixture: Fixture) -> CaseResult {
    let held = sessions(&fixture, 2).await?;
    end(&fixture, &held[0]).await?;

    let begin = now(&fixture).await?;
    let (nothing, next) = read(&fixture, &begin, 50).await?;
    end(&fixture, &held[1]).await?;

    same!(nothing, Vec::new(), "what ended before");
    for cursor in [begin, next] {
        let (found, _) = read(&fixture, &cursor, 50).await?;
        same!(ids(&found), vec![held[1].id()], "what ended after");
    }
    Ok(())
}

/// A user with a session that outlives the rise, and one that does not.
async fn raised(fixture: &Fixture, user: UserId) -> Result<[LiveSession; 2], Violation> {
    let survivor = fixture.signed_in(user, minute(0)).await?;
    let other = fixture.signed_in(user, minute(0)).await?;
    let surviving = KeptSession {
        session: survivor.id().as_uuid(),
        from: *survivor.digest.as_bytes(),
        to: *fixture.fresh_digest().as_bytes(),
        proof: Proof::Nothing,
    };
    let (to, reason) = (Epoch::from_number(2), EpochReason::PasswordChanged);
    let raise = EpochMove { user, to, reason, survivor: Some(surviving), at: minute(3) };
    fixture.store.raise_epoch(&raise).await?;
    Ok([survivor, other])
}

async fn every_way_in_which_a_session_ends_is_in_the_feed(fixture: Fixture) -> CaseResult {
    let begin = now(&fixture).await?;
    let [signed_out, rotated] = &sessions(&fixture, 2).await?[..] else { return Ok(()) };
    let visitor = fixture.anonymous(minute(0)).await?;
    end(&fixture, signed_out).await?;
    end(&fixture, &visitor).await?;
    fixture.rotate(rotated, minute(2)).await?;
    let [survivor, other] = raised(&fixture, fixture.fresh_user()).await?;
    let user = fixture.fresh_user();
    let (evicted, brought) =
        (fixture.signed_in(user, minute(0)).await?, fixture.anonymous(minute(1)).await?);
    let mut start = fixture.draft_for(user, minute(4));
    (start.limit, start.previous_token) = (Some(evict_beyond(1)), Some(brought.digest));
    fixture.begin(&start).await?;
    let idle = fixture.anonymous(minute(0)).await?;
    fixture.touch(rotated, minute(90)).await?;
    fixture.sweep(minute(100), 50).await?;

    let (found, _) = read(&fixture, &begin, 200).await?;
    let expected = [
        (signed_out.id(), "signed_out"),
        (visitor.id(), "signed_out"),
        (rotated.id(), "replaced"),
        (survivor.id(), "replaced"),
        (other.id(), "password_changed"),
        (evicted.id(), "session_limit"),
        (brought.id(), "replaced"),
        (idle.id(), "idle_timeout"),
    ];
    let found = with_reasons(&found);
    for one in expected {
        holds!(found.contains(&one), "{one:?} is not in the feed: {found:?}");
    }
    Ok(())
}

async fn the_feed_says_whose_session_ended_and_why_and_when(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let (theirs, nobodys) =
        (fixture.signed_in(user, minute(0)).await?, fixture.anonymous(minute(0)).await?);
    let begin = now(&fixture).await?;
    fixture.end(&theirs, EndReason::RevokedByAdmin, minute(7)).await?;
    fixture.end(&nobodys, EndReason::SignedOut, minute(8)).await?;

    let (found, _) = read(&fixture, &begin, 50).await?;

    let found: Vec<_> = found.iter().map(|one| (one.session, one.user, one.ended)).collect();
    let expected = [
        (theirs.id(), Some(user), Ended { reason: EndReason::RevokedByAdmin, at: minute(7) }),
        (nobodys.id(), None, Ended { reason: EndReason::SignedOut, at: minute(8) }),
    ];
    same!(found, expected.to_vec(), "the feed");
    Ok(())
}

async fn what_ends_nothing_is_not_in_the_feed(fixture: Fixture) -> CaseResult {
    let held = sessions(&fixture, 1).await?.remove(0);
    let begin = now(&fixture).await?;
    fixture.touch(&held, minute(1)).await?;
    fixture.sweep(minute(2), 50).await?;
    fixture.raise(fixture.fresh_user(), 2, minute(2)).await?;
    fixture.signed_in(fixture.fresh_user(), minute(2)).await?;
    let (nothing, next) = read(&fixture, &begin, 50).await?;
    end(&fixture, &held).await?;
    let (_, after) = read(&fixture, &next, 50).await?;
    let again = fixture.end(&held, EndReason::RevokedByUser, minute(3)).await?;

    same!(nothing, Vec::new(), "what the feed says of it");
    holds!(!again, "it ended twice");
    same!(read(&fixture, &after, 50).await?.0, Vec::new(), "what the feed says of the second end");
    Ok(())
}

async fn the_feed_is_in_the_order_of_the_ends(fixture: Fixture) -> CaseResult {
    let held = sessions(&fixture, 20).await?;
    let begin = now(&fixture).await?;
    for one in held.iter().rev() {
        end(&fixture, one).await?;
    }

    let expected: Vec<_> = held.iter().rev().map(LiveSession::id).collect();
    same!(ids(&read(&fixture, &begin, 50).await?.0), expected, "the feed");
    Ok(())
}

async fn the_feed_goes_on_right_after_the_cursor_of_any_end(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let mut ended = Vec::new();
    for _ in 0..5 {
        ended.push(fixture.signed_in(user, minute(0)).await?.id());
    }
    let begin = now(&fixture).await?;
    // Five in one step, and one more.
    fixture.raise(user, 2, minute(1)).await?;
    end(&fixture, &sessions(&fixture, 1).await?[0]).await?;

    let (all, next) = read(&fixture, &begin, 50).await?;

    same!(all.len(), 6, "ends in the feed");
    for (n, one) in all.iter().enumerate() {
        let (rest, _) = read(&fixture, &one.cursor, 50).await?;
        same!(ids(&rest), ids(&all[n + 1..]), "what comes after the end number {n}");
    }
    same!(read(&fixture, &next, 50).await?.0, Vec::new(), "what comes after all of them");
    Ok(())
}

async fn a_page_of_the_feed_leaves_nothing_out(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let mut expected = BTreeSet::new();
    for _ in 0..7 {
        expected.insert(fixture.signed_in(user, minute(0)).await?.id());
    }
    let others = sessions(&fixture, 4).await?;
    expected.extend(others.iter().map(LiveSession::id));
    let mut cursor = now(&fixture).await?;
    end(&fixture, &others[0]).await?;
    fixture.raise(user, 2, minute(1)).await?;
    for one in &others[1..] {
        end(&fixture, one).await?;
    }

    let mut found = Vec::new();
    for _ in 0..6 {
        let (page, next) = read(&fixture, &cursor, 2).await?;
        holds!(page.len() <= 2, "a page of two has {}", page.len());
        found.extend(ids(&page));
        cursor = next;
    }

    same!(found.len(), 11, "ends on all pages");
    same!(found.into_iter().collect::<BTreeSet<_>>(), expected, "the ends on all pages");
    Ok(())
}

async fn a_reader_misses_none_of_many_parallel_ends(fixture: Fixture) -> CaseResult {
    let held = sessions(&fixture, 60).await?;
    let expected: BTreeSet<_> = held.iter().map(LiveSession::id).collect();
    let mut cursor = now(&fixture).await?;
    let ends = held.chunks(6).map(|some| {
        let (fixture, some) = (fixture.clone(), some.to_vec());
        async move {
            for one in &some {
                end(&fixture, one).await?;
            }
            Ok(())
        }
    });
    let ending = tokio::spawn(at_once(ends.collect()));

    let mut found = Vec::new();
    loop {
        let is_over = ending.is_finished();
        let (page, next) = read(&fixture, &cursor, 5).await?;
        let is_empty = page.is_empty();
        found.extend(ids(&page));
        cursor = next;
        if is_over && is_empty {
            break;
        }
    }
    ending.await.map_err(Violation::new)??;

    same!(found.len(), expected.len(), "ends that were told, and none twice");
    same!(found.into_iter().collect::<BTreeSet<_>>(), expected, "ends that were told");
    Ok(())
}

async fn an_end_that_is_acknowledged_is_in_the_next_read(fixture: Fixture) -> CaseResult {
    let held = sessions(&fixture, 24).await?;
    let begin = now(&fixture).await?;
    let ends = held.into_iter().map(|one| {
        let (fixture, begin) = (fixture.clone(), begin.clone());
        async move {
            end(&fixture, &one).await?;
            let (found, _) = read(&fixture, &begin, 200).await?;
            holds!(ids(&found).contains(&one.id()), "an end is acknowledged and not in the feed");
            Ok(())
        }
    });
    at_once(ends.collect()).await.map(drop)
}

async fn an_end_of_all_makes_every_cursor_expire(fixture: Fixture) -> CaseResult {
    let held = sessions(&fixture, 3).await?;
    let before = now(&fixture).await?;
    end(&fixture, &held[0]).await?;
    let (_, next) = read(&fixture, &before, 50).await?;

    let ended = Ended { reason: EndReason::RevokedByAdmin, at: minute(2) };
    fixture.store.end_all(ended).await?;

    for cursor in [before, next] {
        holds!(has_expired(&fixture, &cursor).await?, "a cursor outlives the end of all");
    }
    let begin = now(&fixture).await?;
    let one_more = fixture.signed_in(fixture.fresh_user(), minute(3)).await?;
    fixture.end(&one_more, EndReason::SignedOut, minute(4)).await?;
    let (found, _) = read(&fixture, &begin, 50).await?;
    same!(ids(&found), vec![one_more.id()], "what ended afterwards");
    Ok(())
}

async fn a_cursor_that_was_never_given_has_expired(fixture: Fixture) -> CaseResult {
    let given = now(&fixture).await?;
    let of_another = given.as_str().replacen(char::is_numeric, "x", 1);
    let texts = ["", "_", "___", "1", "0_1", "x_1__", "'", "\0", &of_another];
    for text in texts {
        holds!(has_expired(&fixture, &Cursor::of(text)).await?, "{text:?} is taken for a cursor");
    }
    // As after a backup that is older than the cursor was restored.
    let (place, rest) = given.as_str().split_once('_').unwrap_or_default();
    let later = rest.split_once('_').map_or_else(
        || format!("{place}_{rest}9"),
        |(below, rest)| format!("{place}_{below}9_{rest}"),
    );
    holds!(has_expired(&fixture, &Cursor::of(later)).await?, "a later cursor is taken for one");
    Ok(())
}

async fn a_cursor_expires_once_an_end_after_it_is_forgotten(fixture: Fixture) -> CaseResult {
    let old = now(&fixture).await?;
    let held = sessions(&fixture, 2).await?;
    end(&fixture, &held[0]).await?;
    let (_, between) = read(&fixture, &old, 50).await?;
    fixture.touch(&held[1], minute(50)).await?;
    fixture.end(&held[1], EndReason::SignedOut, minute(60)).await?;

    fixture.sweep(minute(1 + DAY), 50).await?;
    let (kept, _) = read(&fixture, &old, 50).await?;
    same!(kept.len(), 2, "ends that have their day still");
    fixture.sweep(minute(2 + DAY), 50).await?;

    holds!(has_expired(&fixture, &old).await?, "a cursor from before a forgotten end is good");
    let (kept, next) = read(&fixture, &between, 50).await?;
    same!(ids(&kept), vec![held[1].id()], "what came after the forgotten end");
    fixture.sweep(minute(61 + DAY), 50).await?;
    holds!(has_expired(&fixture, &between).await?, "a cursor from before a forgotten end is good");
    same!(read(&fixture, &next, 50).await?.0, Vec::new(), "what came after all of them");
    end(&fixture, &sessions(&fixture, 1).await?[0]).await?;
    same!(read(&fixture, &next, 50).await?.0.len(), 1, "what came after that");
    Ok(())
}

async fn a_sweep_forgets_the_feed_to_the_end(fixture: Fixture) -> CaseResult {
    let old = now(&fixture).await?;
    let ahead = sessions(&fixture, 1).await?.remove(0);
    // By a clock that is a year ahead, and set right afterwards.
    fixture.end(&ahead, EndReason::SignedOut, minute(365 * DAY)).await?;
    for held in sessions(&fixture, 30).await? {
        end(&fixture, &held).await?;
    }
    let begin = now(&fixture).await?;

    let swept = fixture.sweep(minute(2 + 2 * DAY), 7).await?;

    holds!(swept.done, "the sweep is not done");
    holds!(has_expired(&fixture, &old).await?, "what was forgotten is not missed");
    same!(read(&fixture, &begin, 50).await?.0, Vec::new(), "what came after all of them");
    Ok(())
}
