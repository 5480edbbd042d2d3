//! A child is read with its parent, and is no session.

use time::OffsetDateTime;

use super::fixture::{ChildToken, Fixture, LiveSession, evict_beyond, minute};
use super::{CaseResult, Violation, case_group, holds, same};
use crate::accounts::{Epoch, EpochReason, KeptSession, Proof};
use crate::sessions::{
    Child, ChildStart, ChildStarted, ChildrenOf, Compartment, EndReason, Ended, Ending, EpochMove,
    Keep, Keeping, LiveChild, Loaded, Owner, Rotation, Session, Started, TimeoutRule, Touch,
};

case_group![
    a_child_is_read_with_its_parent,
    a_child_is_no_session,
    a_child_starts_only_while_its_parent_is_live,
    a_child_never_gets_a_name_that_is_or_was_in_use,
    nothing_gets_the_name_of_a_child,
    a_child_replaces_the_earlier_one_for_its_origin,
    a_new_token_of_the_parent_leaves_its_children,
    a_kept_session_keeps_its_children,
    children_count_towards_no_limit,
];

const DAY: i64 = 24 * 60;
pub(super) const WIKI: &str = "https://wiki.example.org";
pub(super) const MAIL: &str = "https://mail.example.com:8443";

/// How the child ended, by its token and by its id alike; `None` while it is live.
pub(super) async fn child_end(
    fixture: &Fixture,
    child: &ChildToken,
) -> Result<Option<Ended>, Violation> {
    let by_id = fixture.store.find_ended(child.id()).await?;
    let found = fixture.store.find_child(child.id()).await?;
    match fixture.store.load(&child.digest).await? {
        Loaded::EndedChild(ended) if by_id == Some(ended) && found.is_none() => Ok(by_id),
        Loaded::Child(live) if by_id.is_none() && found.as_ref() == Some(&live) => Ok(None),
        loaded => {
            let all = format!("the token says {loaded:?}, the id says {by_id:?} and {found:?}");
            Err(Violation::new(all))
        }
    }
}

/// The child and its parent as they are now.
pub(super) async fn live_child(
    fixture: &Fixture,
    child: &ChildToken,
) -> Result<LiveChild, Violation> {
    match fixture.store.load(&child.digest).await? {
        Loaded::Child(live) => Ok(live),
        other => Err(Violation::new(format!("a child is not live: {other:?}"))),
    }
}

pub(super) async fn listed(fixture: &Fixture, of: ChildrenOf) -> Result<Vec<Child>, Violation> {
    Ok(fixture.store.children(of).await?)
}

/// Every answer says that the child ended so.
pub(super) async fn assert_over(fixture: &Fixture, child: &ChildToken, end: Ended) -> CaseResult {
    same!(child_end(fixture, child).await?, Some(end), "the end of a child");
    let listed = listed(fixture, ChildrenOf::Session(child.child.parent)).await?;
    holds!(!listed.contains(&child.child), "an ended child is listed");
    Ok(())
}

pub(super) async fn end_child(
    fixture: &Fixture,
    child: &ChildToken,
    reason: EndReason,
    at: OffsetDateTime,
) -> Result<bool, Violation> {
    let ended = Ended { reason, at };
    Ok(fixture.store.end(&Ending { id: child.id(), of: None, unseen_since: None, ended }).await?)
}

async fn a_child_is_read_with_its_parent(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let (parent, other) =
        (fixture.signed_in(user, minute(0)).await?, fixture.signed_in(user, minute(1)).await?);
    let visitor = fixture.anonymous(minute(1)).await?;
    let wiki = fixture.child(&parent, WIKI, minute(2)).await?;
    let mail = fixture.child(&parent, MAIL, minute(3)).await?;
    let third = fixture.child(&other, WIKI, minute(4)).await?;
    let fourth = fixture.child(&visitor, WIKI, minute(5)).await?;

    for (child, parent) in
        [(&wiki, &parent), (&mail, &parent), (&third, &other), (&fourth, &visitor)]
    {
        let live = LiveChild { child: child.child.clone(), parent: parent.session.clone() };
        same!(live_child(&fixture, child).await?, live, "a child by its token");
        same!(fixture.store.find_child(child.id()).await?, Some(live), "a child by its id");
    }
    let of_parent = listed(&fixture, ChildrenOf::Session(parent.id())).await?;
    same!(of_parent, vec![wiki.child.clone(), mail.child.clone()], "the children of a session");
    // With one in between that is left out.
    let ends = ChildrenOf::Sessions(vec![visitor.id(), parent.id(), wiki.id()]);
    let of_ends = vec![wiki.child.clone(), mail.child.clone(), fourth.child];
    same!(listed(&fixture, ends).await?, of_ends, "the children of several sessions");
    same!(listed(&fixture, ChildrenOf::Sessions(Vec::new())).await?, vec![], "of no session");
    let of_user = listed(&fixture, ChildrenOf::User(user)).await?;
    same!(of_user, vec![wiki.child.clone(), mail.child, third.child], "the children of a user");
    same!(listed(&fixture, ChildrenOf::Session(wiki.id())).await?, vec![], "children of a child");
    same!(fixture.store.find_child(parent.id()).await?, None, "a session as a child");

    fixture.touch(&parent, minute(9)).await?;
    let parent_now = fixture.now(&parent).await?;
    same!(parent_now.last_seen_at, minute(9), "the activity of the parent");
    same!(live_child(&fixture, &wiki).await?.parent, parent_now, "the parent of the child");
    Ok(())
}

async fn a_child_is_no_session(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let parent = fixture.signed_in(user, minute(0)).await?;
    let before = fixture.store.count().await?;
    let child = fixture.child(&parent, WIKI, minute(1)).await?;

    same!(fixture.store.find(child.id()).await?, None, "a session with the id of a child");
    same!(fixture.store.token_of(child.id()).await?, None, "the token of a child");
    same!(fixture.store.find_rotated(&child.digest).await?, None, "a rotated token");
    same!(fixture.ids_of(user).await?, [parent.id()], "the sessions of the user");
    let all: Vec<Session> = fixture.store.list_all(None, 10).await?;
    same!(all.len(), 1, "all sessions");
    let newest = fixture.store.list_newest(None, 10).await?;
    same!(newest.sessions.len(), 1, "the newest sessions");
    same!(fixture.store.count().await?, before, "the number of sessions");

    let (id, compartment) = (child.id(), Compartment::Visitor);
    same!(fixture.store.data(id, compartment).await?, None, "the data of a child");
    let keep = Keep { id, compartment, over: 0, data: b"{}".to_vec() };
    same!(fixture.store.keep(&keep).await?, Keeping::Gone, "writing data of a child");
    let client = parent.session.client.clone();
    fixture.store.touch(&[Touch { id, at: minute(5), client }]).await?;
    let rotation = Rotation {
        from: child.digest,
        to: fixture.fresh_digest(),
        proof: Proof::Password,
        at: minute(5),
    };
    same!(fixture.store.rotate(&rotation).await?, false, "a rotation of a child");
    let mut start = fixture.draft_for(user, minute(6));
    start.previous_token = Some(child.digest);
    let (_, evicted, replaced) = fixture.begin(&start).await?;
    same!((evicted, replaced), (vec![], None), "what ended with the token of a child");

    let live = LiveChild { child: child.child.clone(), parent: parent.session };
    same!(live_child(&fixture, &child).await?, live, "the child and its parent");
    Ok(())
}

async fn a_child_starts_only_while_its_parent_is_live(fixture: Fixture) -> CaseResult {
    let parent = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let first = fixture.child(&parent, WIKI, minute(1)).await?;
    let nobody = fixture.draft(Owner::Anonymous, minute(0));
    let nobody = LiveSession { session: nobody.session, digest: nobody.digest };
    let as_parent = LiveSession {
        session: Session { id: first.id(), ..parent.session.clone() },
        digest: first.digest,
    };
    fixture.end(&parent, EndReason::SignedOut, minute(2)).await?;

    for parent in [&nobody, &as_parent, &parent] {
        let start = fixture.child_draft(parent, WIKI, minute(3));
        same!(fixture.store.start_child(&start).await?, ChildStarted::Gone, "a start");
        same!(fixture.store.load(&start.digest).await?, Loaded::Unknown, "its token");
        same!(fixture.store.find_child(start.child.id).await?, None, "the child");
    }
    assert_over(&fixture, &first, Ended { reason: EndReason::SignedOut, at: minute(2) }).await
}

async fn a_child_never_gets_a_name_that_is_or_was_in_use(fixture: Fixture) -> CaseResult {
    let parent = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let other = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let ended = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    fixture.end(&ended, EndReason::SignedOut, minute(1)).await?;
    let child = fixture.child(&other, WIKI, minute(1)).await?;
    let alone = fixture.child(&other, MAIL, minute(1)).await?;
    end_child(&fixture, &alone, EndReason::SignedOut, minute(1)).await?;
    let with_parent = fixture.child(&parent, MAIL, minute(1)).await?;

    let names = [
        (parent.id(), parent.digest),
        (other.id(), other.digest),
        (ended.id(), ended.digest),
        (child.id(), child.digest),
        (alone.id(), alone.digest),
        (with_parent.id(), with_parent.digest),
    ];
    for (id, digest) in names {
        let mut start = fixture.child_draft(&parent, WIKI, minute(2));
        let fresh = start.clone();
        start.child.id = id;
        same!(fixture.store.start_child(&start).await?, ChildStarted::Taken, "an id in use");
        same!(fixture.store.load(&start.digest).await?, Loaded::Unknown, "the token");
        let start = ChildStart { digest, ..fresh };
        same!(fixture.store.start_child(&start).await?, ChildStarted::Taken, "a digest in use");
        same!(fixture.store.find_child(start.child.id).await?, None, "the child");
    }
    let of_parent = listed(&fixture, ChildrenOf::Session(parent.id())).await?;
    same!(of_parent, vec![with_parent.child], "the children of the parent");
    Ok(())
}

async fn nothing_gets_the_name_of_a_child(fixture: Fixture) -> CaseResult {
    let parent = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let live = fixture.child(&parent, WIKI, minute(1)).await?;
    let alone = fixture.child(&parent, MAIL, minute(1)).await?;
    end_child(&fixture, &alone, EndReason::SignedOut, minute(1)).await?;
    let dead = fixture.signed_in(fixture.fresh_user(), minute(0)).await?;
    let with_parent = fixture.child(&dead, WIKI, minute(1)).await?;
    fixture.end(&dead, EndReason::SignedOut, minute(2)).await?;

    for child in [&live, &alone, &with_parent] {
        let before = fixture.store.load(&child.digest).await?;
        let mut start = fixture.draft(Owner::Anonymous, minute(3));
        start.digest = child.digest;
        same!(fixture.store.start(&start).await?, Started::Taken, "a start with its digest");
        let mut start = fixture.draft(Owner::Anonymous, minute(3));
        start.session.id = child.id();
        same!(fixture.store.start(&start).await?, Started::Taken, "a start with its id");
        let (from, to) = (parent.digest, child.digest);
        let rotation = Rotation { from, to, proof: Proof::Nothing, at: minute(3) };
        same!(fixture.store.rotate(&rotation).await?, false, "a rotation to its digest");
        same!(fixture.store.load(&child.digest).await?, before, "its token");
    }
    same!(fixture.now(&parent).await?, parent.session, "the parent");
    Ok(())
}

async fn a_child_replaces_the_earlier_one_for_its_origin(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let (parent, other) =
        (fixture.signed_in(user, minute(0)).await?, fixture.signed_in(user, minute(0)).await?);
    let earlier = fixture.child(&parent, WIKI, minute(1)).await?;
    let elsewhere = fixture.child(&parent, MAIL, minute(1)).await?;
    let of_other = fixture.child(&other, WIKI, minute(1)).await?;

    let start = fixture.child_draft(&parent, WIKI, minute(2));
    let started = fixture.store.start_child(&start).await?;

    same!(started, ChildStarted::Started { replaced: Some(earlier.id()) }, "the start");
    let end = Ended { reason: EndReason::Replaced, at: minute(2) };
    assert_over(&fixture, &earlier, end).await?;
    for child in [&elsewhere, &of_other] {
        same!(child_end(&fixture, child).await?, None, "the end of another child");
    }
    let of_parent = listed(&fixture, ChildrenOf::Session(parent.id())).await?;
    same!(of_parent, vec![elsewhere.child, start.child], "the children of the parent");
    Ok(())
}

async fn a_new_token_of_the_parent_leaves_its_children(fixture: Fixture) -> CaseResult {
    let mut start = fixture.draft_for(fixture.fresh_user(), minute(0));
    start.session.rule = TimeoutRule::Remembered;
    start.session.expires_at = minute(30 * DAY);
    let (parent, ..) = fixture.begin(&start).await?;
    let child = fixture.child(&parent, WIKI, minute(1)).await?;
    let to = fixture.fresh_digest();
    let rotation = Rotation { from: parent.digest, to, proof: Proof::Password, at: minute(2) };
    same!(fixture.store.rotate(&rotation).await?, true, "the rotation");

    let parent = Session { authenticated_at: Some(minute(2)), ..parent.session };
    let live = LiveChild { child: child.child.clone(), parent };
    same!(live_child(&fixture, &child).await?, live, "the child and its parent");
    fixture.sweep(minute(3 + DAY), 100).await?;
    let old = fixture.store.load(&start.digest).await?;
    same!(old, Loaded::Unknown, "the old token of the parent");
    same!(live_child(&fixture, &child).await?, live, "the child once that is forgotten");
    Ok(())
}

async fn a_kept_session_keeps_its_children(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let (kept, other) =
        (fixture.signed_in(user, minute(0)).await?, fixture.signed_in(user, minute(0)).await?);
    let of_kept = fixture.child(&kept, WIKI, minute(1)).await?;
    let of_other = fixture.child(&other, WIKI, minute(1)).await?;
    let survivor = KeptSession {
        session: kept.id().as_uuid(),
        from: *kept.digest.as_bytes(),
        to: *fixture.fresh_digest().as_bytes(),
        proof: Proof::Password,
    };
    let (to, reason) = (Epoch::from_number(2), EpochReason::PasswordChanged);
    let raise = EpochMove { user, to, reason, survivor: Some(survivor), at: minute(2) };
    same!(fixture.store.raise_epoch(&raise).await?, 1, "the sessions that ended");

    let parent = live_child(&fixture, &of_kept).await?.parent;
    same!(parent.owner, Owner::User { id: user, epoch: to }, "the owner of the child");
    same!(parent.authenticated_at, Some(minute(2)), "the proof of identity");
    let end = Ended { reason: EndReason::PasswordChanged, at: minute(2) };
    assert_over(&fixture, &of_other, end).await
}

async fn children_count_towards_no_limit(fixture: Fixture) -> CaseResult {
    let user = fixture.fresh_user();
    let parent = fixture.signed_in(user, minute(0)).await?;
    for n in 0..5 {
        fixture.child(&parent, &format!("https://{n}.example.org"), minute(1)).await?;
    }

    let mut start = fixture.draft_for(user, minute(2));
    start.limit = Some(evict_beyond(2));
    let (_, evicted, _) = fixture.begin(&start).await?;

    same!(evicted, [], "the evicted");
    let children = listed(&fixture, ChildrenOf::Session(parent.id())).await?;
    same!(children.len(), 5, "the children");
    Ok(())
}
