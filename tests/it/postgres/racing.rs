//! What two servers do at once happens in some order, and each order keeps the promises.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anteroom::accounts::{
    AddError, Addition, Change, ChangeError, Email, Epoch, EpochRaise, EpochReason, Group,
    GroupsChange, InvalidGroups, KeptSession, Name, PasswordHash, Proof, Role, Status,
};
use anteroom::sessions::{
    Client, EndReason, Ended, Ending, EpochMove, Loaded, Rotation, SessionPolicy, Started, Touch,
};
use anteroom::store::{SessionLocation, SessionOrder};
use anteroom::throttle::{AccountKey, Counter, CounterKey, Pace, Rate, Release};

use super::{NOW, Nodes, add, at_once, fresh_digest, fresh_user, start_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rev_15_parallel_sign_ins_at_two_servers_never_exceed_the_limit() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let known = add(&*nodes.accounts(0), "ada@example.org", Role::User).await;
    // The store may hear of a user for the first time by the sign-in, too.
    for user in [known.user.id, fresh_user()] {
        let epoch = Epoch::FIRST;
        let starts = (0..40).map(|turn| {
            let (node, start) = (nodes.sessions(turn), start_of(user, epoch, 3));
            async move { (node.start(&start).await.unwrap(), start.session.id) }
        });

        let outcomes = at_once(starts.collect()).await;

        let live: HashSet<_> =
            nodes.sessions(0).list(user).await.unwrap().iter().map(|session| session.id).collect();
        assert_eq!(live.len(), 3);
        let (mut started, mut evicted) = (HashSet::new(), Vec::new());
        for (outcome, id) in outcomes {
            let Started::Started { evicted: ids, .. } = outcome else { panic!("{outcome:?}") };
            started.insert(id);
            evicted.extend(ids);
        }
        assert_eq!(evicted.len(), 37, "each end is told once");
        let gone: HashSet<_> = evicted.into_iter().collect();
        assert_eq!(started.difference(&gone).copied().collect::<HashSet<_>>(), live);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sign_in_at_one_server_against_a_rising_epoch_at_another_is_not_live_afterwards() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    for round in 0..30 {
        let ada = add(&*nodes.accounts(0), &format!("ada{round}@example.org"), Role::User).await;
        let (starting, changing) = (nodes.sessions(0), nodes.accounts(1));
        let start = start_of(ada.user.id, ada.epoch, 20);
        let (digest, id) = (start.digest, ada.user.id);
        let raise = EpochRaise { reason: EpochReason::PasswordChanged, survivor: None };
        let change = Change { seen: ada.epoch, raise: Some(raise), ..Change::default() };
        let both: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> = vec![
            Box::pin(async move {
                let started = starting.start(&start).await.unwrap();
                assert!(matches!(started, Started::Started { .. } | Started::EpochMoved));
            }),
            Box::pin(async move {
                changing.change(id, &change, NOW).await.unwrap();
            }),
        ];

        at_once(both).await;

        let loaded = nodes.sessions(round).load(&digest).await.unwrap();
        assert!(!matches!(loaded, Loaded::Live(_)), "round {round}: {loaded:?}");
        assert!(nodes.sessions(round).list(id).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_parallel_changes_of_one_account_each_is_of_what_it_saw() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let ada = add(&*nodes.accounts(0), "ada@example.org", Role::User).await;
    let changes = (0..16).map(|turn| {
        let (node, id, seen) = (nodes.accounts(turn), ada.user.id, ada.epoch);
        let raise = EpochRaise { reason: EpochReason::RevokedByUser, survivor: None };
        let change = Change { seen, raise: Some(raise), ..Change::default() };
        async move { node.change(id, &change, NOW).await }
    });

    let outcomes = at_once(changes.collect()).await;

    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let moved = outcomes.iter().filter(|one| matches!(one, Err(ChangeError::Moved))).count();
    assert_eq!((won, moved), (1, 15));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_groups_added_at_two_servers_none_is_lost_and_there_are_never_too_many() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let ada = add(&*nodes.accounts(0), "ada@example.org", Role::User).await;
    let changes = (0..70).map(|turn| {
        let (node, id, seen) = (nodes.accounts(turn), ada.user.id, ada.epoch);
        let group = Group::parse(&format!("group-{turn:02}")).unwrap();
        let change = Change { seen, groups: Some(GroupsChange::Add(group)), ..Change::default() };
        async move { node.change(id, &change, NOW).await }
    });

    let outcomes = at_once(changes.collect()).await;

    let too_many = InvalidGroups::TooMany;
    let refused = outcomes
        .iter()
        .filter(|one| matches!(one, Err(ChangeError::Groups(error)) if *error == too_many));
    assert_eq!(refused.count(), 6, "{outcomes:?}");
    let after = nodes.accounts(0).find(ada.user.id).await.unwrap().unwrap();
    assert_eq!((after.user.groups.iter().count(), after.epoch), (64, ada.epoch));
    let added = outcomes.iter().enumerate().filter(|(_, one)| one.is_ok());
    for (turn, _) in added {
        assert!(after.user.groups.contains(&format!("group-{turn:02}")), "{turn} is lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn adm_4_two_servers_cannot_take_the_last_administrators_at_once() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    for round in 0..10 {
        let mut all = Vec::new();
        for n in 0..4 {
            let email = format!("root{n}.{round}@example.org");
            all.push(add(&*nodes.accounts(0), &email, Role::Admin).await);
        }
        let removals = all.iter().enumerate().map(|(turn, root)| {
            let mut change = Change { seen: root.epoch, ..Change::default() };
            match turn % 3 {
                0 => change.role = Some(Role::User),
                1 => change.status = Some(Status::Disabled),
                _ => change.delete = true,
            }
            let (node, id) = (nodes.accounts(turn), root.user.id);
            async move { node.change(id, &change, NOW).await }
        });

        let outcomes = at_once(removals.collect()).await;

        let refused =
            outcomes.iter().filter(|one| matches!(one, Err(ChangeError::LastAdministrator)));
        assert_eq!(refused.count(), 1, "{outcomes:?}");
        assert!(nodes.accounts(0).has_administrator().await.unwrap());
        // The next round begins without one.
        nodes.database.run("UPDATE users SET role = 'user'").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_one_of_two_servers_makes_the_first_administrator() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let template = add(&*nodes.accounts(0), "template@example.org", Role::User).await.user;
    let first = (0..12).map(|turn| {
        let mut user = template.clone();
        user.id = fresh_user();
        user.email = Email::parse(&format!("root{turn}@example.org")).unwrap();
        user.role = Role::Admin;
        let node = nodes.accounts(turn);
        let addition = Addition { only_first_administrator: true, ..Addition::default() };
        async move { node.add(&user, &PasswordHash::from_stored(String::new()), &addition).await }
    });

    let outcomes = at_once(first.collect()).await;

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let late = outcomes.iter().filter(|one| matches!(one, Err(AddError::AdministratorExists)));
    assert_eq!(late.count(), 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_address_is_taken_once_however_many_servers_are_asked() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let template = add(&*nodes.accounts(0), "template@example.org", Role::User).await.user;
    let adds = (0..12).map(|turn| {
        let mut user = template.clone();
        user.id = fresh_user();
        user.email = Email::parse("ada@example.org").unwrap();
        let node = nodes.accounts(turn);
        let addition = Addition::default();
        async move { node.add(&user, &PasswordHash::from_stored(String::new()), &addition).await }
    });

    let outcomes = at_once(adds.collect()).await;

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let taken = outcomes.iter().filter(|one| matches!(one, Err(AddError::EmailTaken)));
    assert_eq!(taken.count(), 11);
}

/// Positions show up in their order: whoever has seen one never finds an earlier one later.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn orders_become_visible_in_the_order_of_their_positions() {
    let Some(nodes) = Nodes::start(4, SessionLocation::ServerMemory).await else { return };
    let over = Arc::new(AtomicBool::new(false));
    let (reader, done) = (nodes.node(3), over.clone());
    let reading = tokio::spawn(async move {
        let mut seen = 0;
        loop {
            let last = done.load(Ordering::SeqCst);
            for ordered in reader.orders_after(seen).await.unwrap() {
                assert_eq!(ordered.position, seen + 1, "one came late, or a place is empty");
                seen = ordered.position;
            }
            if last {
                return seen;
            }
        }
    });
    let ended = Ended { reason: EndReason::RevokedByAdmin, at: NOW };
    let giving = (0..12).map(|turn| {
        let node = nodes.node(turn);
        async move {
            for _ in 0..25 {
                node.give_order(&SessionOrder::EndAll(ended)).await.unwrap();
            }
        }
    });

    at_once(giving.collect()).await;

    over.store(true, Ordering::SeqCst);
    assert_eq!(reading.await.unwrap(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn attempts_at_two_servers_never_exceed_a_window() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let counter = |name: &str, count| Counter {
        key: CounterKey::of_account(&AccountKey::of_address(name), "short 192.0.2.1"),
        pace: Pace::of(Rate { count, per: Duration::from_hours(24) }),
    };
    let attempts = (0..120).map(|turn| {
        let mut counters =
            vec![counter(&format!("ada{}", turn % 4), 10), counter("everywhere", 25)];
        // Whatever the order in which they are named.
        counters.rotate_left(turn % 2);
        let node = nodes.throttle(turn);
        async move {
            let through = node.reserve(&counters, NOW).await.unwrap().is_none();
            if through && turn % 3 == 0 {
                let release = Release { give_back: counters, ..Release::default() };
                node.release(&release, NOW).await.unwrap();
                return false;
            }
            through
        }
    });

    let begun = Instant::now();
    let stand = at_once(attempts.collect()).await.into_iter().filter(|stands| *stands).count();

    assert!(stand <= 25, "{stand} stand");
    let mut left = 0;
    while nodes.throttle(left).reserve(&[counter("everywhere", 25)], NOW).await.unwrap().is_none() {
        left += 1;
    }
    assert_eq!(stand + left, 25);
    assert_eq!(nodes.database.deadlocks(), 0, "in {:?}", begun.elapsed());
}

/// Two lists of the same sessions, in opposite order, while others end them and give them new
/// tokens: nobody waits for somebody who waits for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn activity_written_by_two_servers_is_in_nobodys_way() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let user = fresh_user();
    let mut held = Vec::new();
    for _ in 0..60 {
        let start = start_of(user, Epoch::FIRST, 100);
        nodes.sessions(0).start(&start).await.unwrap();
        held.push(start);
    }
    let touched_at = |turn: u32| NOW + Duration::from_secs(60 + u64::from(turn));
    let mut operations: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> = Vec::new();
    for turn in 0..12_u32 {
        let mut touches: Vec<Touch> = held
            .iter()
            .map(|start| Touch {
                id: start.session.id,
                at: touched_at(turn),
                client: Client { ip_address: None, user_agent: turn.to_string() },
            })
            .collect();
        if turn % 2 == 0 {
            touches.reverse();
        }
        let node = nodes.sessions(turn as usize);
        operations.push(Box::pin(async move { node.touch(&touches).await.unwrap() }));
    }
    for (turn, start) in held.iter().enumerate().take(20) {
        let (node, id, from) = (nodes.sessions(turn), start.session.id, start.digest);
        operations.push(Box::pin(async move {
            let rotation = Rotation { from, to: fresh_digest(), proof: Proof::Password, at: NOW };
            node.rotate(&rotation).await.unwrap();
            if turn % 2 == 0 {
                let ended = Ended { reason: EndReason::SignedOut, at: NOW };
                let ending = Ending { id, of: None, unseen_since: None, ended };
                assert!(node.end(&ending).await.unwrap());
            }
        }));
    }

    let begun = Instant::now();
    at_once(operations).await;

    let live = nodes.sessions(0).list(user).await.unwrap();
    assert_eq!(live.len(), 50);
    for session in live {
        assert_eq!(session.last_seen_at, touched_at(11), "no activity is lost");
    }
    assert_eq!(nodes.database.deadlocks(), 0, "in {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_the_server_gave_up_for_a_deadlock_is_done_all_the_same() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let (ada, bob) = (fresh_user(), fresh_user());
    for _ in 0..3 {
        let epoch = Epoch::FIRST;
        let mut starts = Vec::new();
        for user in [ada, bob] {
            let start = start_of(user, epoch, 100);
            nodes.sessions(0).start(&start).await.unwrap();
            starts.push(start);
        }
        // Each brings the other's session, and has to evict its own.
        let mut next = [start_of(ada, epoch, 1), start_of(bob, epoch, 1)];
        next[0].previous_token = Some(starts[1].digest);
        next[1].previous_token = Some(starts[0].digest);
        let both = next.into_iter().enumerate().map(|(turn, start)| {
            let node = nodes.sessions(turn);
            async move { node.start(&start).await.unwrap() }
        });

        for outcome in at_once(both.collect()).await {
            assert!(matches!(outcome, Started::Started { .. }), "{outcome:?}");
        }

        for user in [ada, bob] {
            assert_eq!(nodes.sessions(0).list(user).await.unwrap().len(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_servers_that_sweep_end_every_session_once() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let user = fresh_user();
    for _ in 0..120 {
        nodes.sessions(0).start(&start_of(user, Epoch::FIRST, 1000)).await.unwrap();
    }
    let policy = SessionPolicy::default();
    let late = policy.cutoffs(NOW + Duration::from_hours(2));
    let sweeps = (0..8).map(|turn| {
        let node = nodes.sessions(turn);
        async move {
            let mut ended = Vec::new();
            for _ in 0..20 {
                ended.extend(node.sweep(&late, 10).await.unwrap().timed_out);
            }
            ended
        }
    });

    let ended: Vec<_> = at_once(sweeps.collect()).await.into_iter().flatten().collect();

    let ids: HashSet<_> = ended.iter().map(|ended| ended.id).collect();
    assert_eq!((ended.len(), ids.len()), (120, 120));
    assert!(nodes.sessions(0).list(user).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_counter_that_moves_while_it_is_swept_stays() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let counter = |n: u32| Counter {
        key: CounterKey::of_account(&AccountKey::of_address(&n.to_string()), "short 192.0.2.1"),
        pace: Pace::of(Rate { count: 1, per: Duration::from_mins(1) }),
    };
    for n in 0..200 {
        assert_eq!(nodes.throttle(0).reserve(&[counter(n)], NOW).await.unwrap(), None);
    }
    let later = NOW + Duration::from_mins(2);
    let sweeping = nodes.throttle(0);
    let mut operations: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> =
        vec![Box::pin(async move { while !sweeping.sweep(later, later, 20).await.unwrap() {} })];
    for n in 0..200 {
        let node = nodes.throttle(1);
        operations.push(Box::pin(async move {
            assert_eq!(node.reserve(&[counter(n)], later).await.unwrap(), None);
        }));
    }

    at_once(operations).await;

    for n in 0..200 {
        let refusal = nodes.throttle(0).reserve(&[counter(n)], later).await.unwrap();
        assert!(refusal.is_some(), "attempt {n} counts no more");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_survivor_that_is_signed_out_meanwhile_is_dead_or_the_change_is_refused() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    for round in 0..20 {
        let ada = add(&*nodes.accounts(0), &format!("ada{round}@example.org"), Role::User).await;
        let start = start_of(ada.user.id, ada.epoch, 20);
        nodes.sessions(0).start(&start).await.unwrap();
        let to = fresh_digest();
        let survivor = KeptSession {
            session: start.session.id.as_uuid(),
            from: *start.digest.as_bytes(),
            to: *to.as_bytes(),
            proof: Proof::Password,
        };
        let raise = EpochRaise { reason: EpochReason::PasswordChanged, survivor: Some(survivor) };
        let name = Some(Name::parse("Changed").unwrap());
        let change = Change { seen: ada.epoch, raise: Some(raise), name, ..Change::default() };
        let (changing, ending, id) = (nodes.accounts(0), nodes.sessions(1), start.session.id);
        let user = ada.user.id;
        let change = tokio::spawn(async move { changing.change(user, &change, NOW).await });
        let end = tokio::spawn(async move {
            let ended = Ended { reason: EndReason::SignedOut, at: NOW };
            ending.end(&Ending { id, of: None, unseen_since: None, ended }).await.unwrap()
        });
        let (changed, was_live) = (change.await.unwrap(), end.await.unwrap());

        assert!(was_live, "the session lives on under another token, and ends");
        assert!(!matches!(nodes.sessions(0).load(&to).await.unwrap(), Loaded::Live(_)));
        let after = nodes.accounts(0).find(user).await.unwrap().unwrap();
        match changed {
            Ok(_) => assert_eq!(after.user.name.as_str(), "Changed"),
            Err(ChangeError::KeptSessionEnded) => assert_eq!(after.user.name.as_str(), "Ada"),
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_copy_of_an_epoch_only_rises() {
    let Some(nodes) = Nodes::start(2, SessionLocation::ThisDatabase).await else { return };
    let user = fresh_user();
    let raises = (1..=24_i64).map(|to| {
        let node = nodes.sessions(usize::try_from(to).unwrap());
        let to = Epoch::from_number(to);
        let reason = EpochReason::RevokedByUser;
        async move {
            node.raise_epoch(&EpochMove { user, to, reason, survivor: None, at: NOW })
                .await
                .unwrap();
        }
    });
    at_once(raises.collect()).await;

    let old = start_of(user, Epoch::from_number(23), 20);
    let new = start_of(user, Epoch::from_number(24), 20);
    assert_eq!(nodes.sessions(0).start(&old).await.unwrap(), Started::EpochMoved);
    assert!(matches!(nodes.sessions(1).start(&new).await.unwrap(), Started::Started { .. }));
}
