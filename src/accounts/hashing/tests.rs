use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::{
    HashError, HashParameters, Hasher, HasherOptions, Memory, PasswordHash, PasswordMatch,
    TAG_LENGTH, phc,
};
use crate::accounts::Password;
use crate::entropy::Entropy;

const PHRASE: &str = "velvet tundra piston oatmeal";

fn password(typed: &str) -> Password {
    Password::from_typed(typed)
}

fn hasher(options: HasherOptions) -> Hasher {
    Hasher::start_with(Entropy::operating_system(), options).unwrap()
}

/// One thread, so that a single piece of work occupies all of them.
fn narrow(queue: usize, wait: Duration) -> Hasher {
    hasher(HasherOptions {
        threads: NonZeroUsize::MIN,
        queue,
        wait,
        ..HasherOptions::cheap_for_tests()
    })
}

async fn verify(
    hasher: &Hasher,
    password: &Password,
    hash: Option<&PasswordHash>,
) -> Result<PasswordMatch, HashError> {
    hasher.verify(hasher.reserve_slot()?, password, hash).await
}

type Work = JoinHandle<Result<(), HashError>>;

/// Occupies a thread until the sender is dropped; returns once the thread is at it.
async fn occupy(hasher: &Hasher) -> (mpsc::Sender<()>, Work) {
    let (release, released) = mpsc::channel::<()>();
    let (begun, beginning) = tokio::sync::oneshot::channel();
    let hasher = hasher.clone();
    let work = tokio::spawn(async move {
        let work = move || {
            let _ = begun.send(());
            let _ = released.recv();
        };
        hasher.run(hasher.reserve_slot()?, work).await
    });
    beginning.await.unwrap();
    (release, work)
}

/// Asks for a thread and stands in the queue before this returns.
async fn wait_in_line(hasher: &Hasher) -> Work {
    let slots = hasher.workers.free_slots();
    let waiting = hasher.clone();
    let work = tokio::spawn(async move { waiting.run(waiting.reserve_slot()?, || ()).await });
    while hasher.workers.free_slots() == slots {
        tokio::task::yield_now().await;
    }
    work
}

#[tokio::test]
async fn a_password_matches_its_own_hash_and_no_other() {
    let hasher = hasher(HasherOptions::cheap_for_tests());
    let hash = hasher.hash(&password(PHRASE)).await.unwrap();

    let verify = async |typed: &str| verify(&hasher, &password(typed), Some(&hash)).await.unwrap();
    assert_eq!(verify(PHRASE).await, PasswordMatch::Yes { outdated: false });
    for other in ["", "velvet tundra piston oatmea", "Velvet tundra piston oatmeal", "velvet"] {
        assert_eq!(verify(other).await, PasswordMatch::No, "{other:?}");
    }
    assert_eq!(verify(&format!("{PHRASE} ")).await, PasswordMatch::No);
    assert_eq!(verify(&format!("{PHRASE}\0")).await, PasswordMatch::No);
}

#[tokio::test]
async fn hash_1_a_hash_is_argon2id_of_the_stated_parameters_with_a_new_salt() {
    let hasher = Hasher::start(Entropy::operating_system()).unwrap();
    let one = hasher.hash(&password(PHRASE)).await.unwrap();
    let other = hasher.hash(&password(PHRASE)).await.unwrap();

    let fields: Vec<&str> = one.as_str().split('$').collect();
    assert_eq!(fields[..4], ["", "argon2id", "v=19", "m=19456,t=2,p=1"]);
    assert_eq!((fields[4].len(), fields[5].len(), fields.len()), (22, 43, 6));
    assert_ne!(one, other);
    let stored = PasswordHash::from_stored(one.as_str().to_owned());
    let matched = verify(&hasher, &password(PHRASE), Some(&stored)).await.unwrap();
    assert_eq!(matched, PasswordMatch::Yes { outdated: false });
}

#[tokio::test]
async fn the_salt_comes_from_the_entropy() {
    let entropy = Entropy::scripted(|bytes| bytes.fill(7));
    let hasher = Hasher::start_with(entropy, HasherOptions::cheap_for_tests()).unwrap();
    let hash = hasher.hash(&password(PHRASE)).await.unwrap();
    assert!(hash.as_str().contains("$BwcHBwcHBwcHBwcHBwcHBw$"), "{}", hash.as_str());
}

/// From the reference implementation, `argon2 -id -v 13 -m 8 -t 2 -p 1 -l 32`.
#[tokio::test]
async fn a_hash_of_another_program_of_the_same_kind_is_understood() {
    let hasher = hasher(HasherOptions::cheap_for_tests());
    let reference = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$\
                     nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let stored = PasswordHash::from_stored(reference.to_owned());
    let matched = verify(&hasher, &password("password"), Some(&stored)).await.unwrap();
    assert_eq!(matched, PasswordMatch::Yes { outdated: true });
    let matched = verify(&hasher, &password("passwore"), Some(&stored)).await.unwrap();
    assert_eq!(matched, PasswordMatch::No);
}

#[tokio::test]
async fn a_hash_of_other_parameters_still_matches_and_is_outdated() {
    let old = hasher(HasherOptions::cheap_for_tests());
    let new = hasher(HasherOptions {
        threads: NonZeroUsize::MIN,
        parameters: HashParameters::default(),
        ..HasherOptions::default()
    });
    let cheap = old.hash(&password(PHRASE)).await.unwrap();
    let costly = new.hash(&password(PHRASE)).await.unwrap();

    // On one thread, so that it fills the same memory for both.
    for (hash, outdated) in [(&cheap, true), (&costly, false), (&cheap, true)] {
        let matched = verify(&new, &password(PHRASE), Some(hash)).await.unwrap();
        assert_eq!(matched, PasswordMatch::Yes { outdated });
    }
}

#[tokio::test]
async fn a_hash_under_a_short_salt_matches_and_is_outdated() {
    let hasher = hasher(HasherOptions::cheap_for_tests());
    let parameters = HashParameters::cheap_for_tests();
    let work = move |memory: &mut Memory| {
        let mut tag = [0; TAG_LENGTH];
        parameters.compute(PHRASE, b"somesalt", &mut tag, memory).unwrap();
        phc(&parameters, b"somesalt", &tag)
    };
    let short = hasher.workers.run(hasher.reserve_slot().unwrap(), work).await.unwrap().unwrap();

    let matched = verify(&hasher, &password(PHRASE), Some(&short)).await.unwrap();
    assert_eq!(matched, PasswordMatch::Yes { outdated: true });
}

#[tokio::test]
async fn an_unreadable_hash_is_a_mismatch_and_nothing_worse() {
    let hasher = hasher(HasherOptions::cheap_for_tests());
    let good = hasher.hash(&password(PHRASE)).await.unwrap();
    let good = good.as_str();
    let changed = [
        String::new(),
        "$".to_owned(),
        PHRASE.to_owned(),
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW".to_owned(),
        good[..good.len() - 1].to_owned(),
        good[1..].to_owned(),
        format!("{good}$"),
        format!("{good}\0"),
        good.replace("argon2id", "argon2i"),
        good.replace("argon2id", "argon2d"),
        good.replace("argon2id", "scrypt"),
        good.replace("v=19", "v=16"),
        good.replace("v=19$", ""),
        good.replace("m=64", "m=4294967295"),
        good.replace("m=64", "m=262145"),
        good.replace("m=64", "m=1"),
        good.replace("m=64", "m=-1"),
        good.replace("t=1", "t=0"),
        good.replace("t=1", "t=17"),
        good.replace("t=1", "t=4294967295"),
        good.replace("p=1", "p=0"),
        good.replace("p=1", "p=16777215"),
        good.replace("p=1", "p=1,keyid=Hj5+dsK0"),
        good.replace("p=1", "p=1,data=sRlHhRmKUGzdOmXn01XmXygd5Kc"),
        good.rsplit_once('$').unwrap().0.to_owned(),
        "$argon2id$v=19$m=64,t=1,p=1$AA$AA".to_owned(),
        "$argon2id$v=19$m=64,t=1,p=1$$".to_owned(),
        "a".repeat(100_000),
    ];
    for stored in changed {
        let stored = PasswordHash::from_stored(stored);
        let matched = verify(&hasher, &password(PHRASE), Some(&stored)).await.unwrap();
        assert_eq!(matched, PasswordMatch::No, "{}", stored.as_str());
    }
}

#[tokio::test]
async fn a_password_that_was_too_long_matches_nothing_and_is_not_hashed() {
    let hasher = hasher(HasherOptions::cheap_for_tests());
    let too_long = password(&"a".repeat(1025));
    let empty = hasher.hash(&password("")).await.unwrap();
    let cut = hasher.hash(&password(&"a".repeat(1024))).await.unwrap();

    for hash in [None, Some(&empty), Some(&cut)] {
        assert_eq!(verify(&hasher, &too_long, hash).await.unwrap(), PasswordMatch::No);
    }
    assert!(matches!(hasher.hash(&too_long).await, Err(HashError::TooLong)));
}

#[tokio::test]
async fn enum_2_every_mismatch_costs_one_hash() {
    let hasher = Hasher::start(Entropy::operating_system()).unwrap();
    let hash = hasher.hash(&password(PHRASE)).await.unwrap();
    let corrupt = PasswordHash::from_stored("corrupt".to_owned());
    let too_long = password(&"a".repeat(1025));
    let wrong = password("wrong");
    let cases = [
        ("wrong", &wrong, Some(&hash)),
        ("unknown", &wrong, None),
        ("corrupt", &wrong, Some(&corrupt)),
        ("too long", &too_long, Some(&hash)),
        ("too long and unknown", &too_long, None),
    ];
    // The fastest of several in turn, for load on the machine only adds to them; the more load, the
    // more turns.
    let mut fastest = [Duration::MAX; 5];
    for turn in 1..=200 {
        for ((_, typed, hash), fastest) in cases.iter().zip(&mut fastest) {
            let start = Instant::now();
            assert_eq!(verify(&hasher, typed, *hash).await.unwrap(), PasswordMatch::No);
            *fastest = start.elapsed().min(*fastest);
        }
        let wrong = fastest[0];
        if turn >= 9 && fastest.iter().all(|took| *took * 3 > wrong && *took < wrong * 3) {
            return;
        }
    }
    let cases = cases.map(|(case, ..)| case);
    panic!("the time tells which it was: {cases:?} took {fastest:?}");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let hasher = narrow(1, Duration::from_mins(10));
    let (release, first) = occupy(&hasher).await;
    let second = wait_in_line(&hasher).await;

    assert!(matches!(hasher.hash(&password(PHRASE)).await, Err(HashError::Busy(_))));
    assert!(matches!(verify(&hasher, &password(PHRASE), None).await, Err(HashError::Busy(_))));

    drop(release);
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
    assert!(hasher.hash(&password(PHRASE)).await.is_ok());
}

#[tokio::test]
async fn the_queue_holds_what_is_done_in_time_and_refusals_state_the_wait() {
    // Nothing was measured yet: forty milliseconds each.
    let hasher = hasher(HasherOptions {
        threads: NonZeroUsize::MIN,
        parameters: HashParameters::default(),
        ..HasherOptions::default()
    });
    let (release, first) = occupy(&hasher).await;
    let slots: Vec<_> = std::iter::from_fn(|| hasher.reserve_slot().ok()).collect();
    assert_eq!(slots.len(), 50);
    let Err(HashError::Busy(busy)) = hasher.reserve_slot() else {
        panic!("one too many was let in")
    };
    assert_eq!(busy.wait, Duration::from_secs(2));
    drop((slots, release));
    assert!(first.await.unwrap().is_ok());
}

/// A request that finds a free thread hashes, even if one hash takes longer than the wait.
#[tokio::test]
async fn on_a_slow_machine_nothing_waits_and_a_single_request_is_served() {
    let hasher = narrow(100, Duration::ZERO);
    for _ in 0..3 {
        assert!(hasher.hash(&password(PHRASE)).await.is_ok());
    }
    let (release, first) = occupy(&hasher).await;
    assert!(matches!(hasher.reserve_slot(), Err(HashError::Busy(_))));
    drop(release);
    assert!(first.await.unwrap().is_ok());
}

#[tokio::test]
async fn nobody_waits_longer_than_allowed() {
    let hasher = narrow(1, Duration::from_millis(20));
    let (release, first) = occupy(&hasher).await;

    assert!(matches!(hasher.hash(&password(PHRASE)).await, Err(HashError::Busy(_))));

    drop(release);
    assert!(first.await.unwrap().is_ok());
    assert!(hasher.hash(&password(PHRASE)).await.is_ok());
    assert_eq!(hasher.workers.free_slots(), 2);
}

#[tokio::test]
async fn hash_7_a_request_dropped_while_it_waits_frees_its_place() {
    let hasher = narrow(1, Duration::from_mins(10));
    let (release, first) = occupy(&hasher).await;
    for _ in 0..20 {
        let waiting = wait_in_line(&hasher).await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
    }
    let last = wait_in_line(&hasher).await;

    drop(release);
    assert!(first.await.unwrap().is_ok() && last.await.unwrap().is_ok());
}

#[tokio::test]
async fn hash_7_a_request_dropped_while_it_is_hashed_frees_its_place_when_the_thread_is_done() {
    let hasher = narrow(0, Duration::from_mins(10));
    let (release, first) = occupy(&hasher).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert!(matches!(hasher.hash(&password(PHRASE)).await, Err(HashError::Busy(_))));

    drop(release);
    while hasher.workers.free_slots() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(hasher.hash(&password(PHRASE)).await.is_ok());
}

#[tokio::test]
async fn a_panic_takes_neither_the_thread_nor_the_place() {
    let hasher = narrow(0, Duration::from_mins(10));
    for _ in 0..3 {
        let outcome = hasher
            .run(hasher.reserve_slot().unwrap(), || panic!("this panic belongs to the test"))
            .await;
        assert!(matches!(outcome, Err::<(), _>(HashError::Failed)));
    }
    assert!(hasher.hash(&password(PHRASE)).await.is_ok());
}

#[tokio::test]
async fn the_threads_end_with_the_last_clone() {
    thread_local!(static ALIVE: RefCell<Option<mpsc::Sender<()>>> = const { RefCell::new(None) });
    let (alive, ended) = mpsc::channel::<()>();
    let hasher = narrow(0, Duration::from_mins(10));
    hasher.run(hasher.reserve_slot().unwrap(), move || ALIVE.set(Some(alive))).await.unwrap();

    let clone = hasher.clone();
    drop(hasher);
    assert!(clone.run(clone.reserve_slot().unwrap(), || ()).await.is_ok());
    assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty));

    drop(clone);
    let last = ended.recv_timeout(Duration::from_mins(1));
    assert_eq!(last, Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn hash_2_parameters_out_of_bounds_are_refused() {
    let refused = [
        (19_455, 2, 1),
        (19_456, 1, 1),
        (19_456, 2, 0),
        (262_145, 2, 1),
        (19_456, 17, 1),
        (19_456, 2, 17),
        (0, 0, 0),
    ];
    for (kibibytes, passes, lanes) in refused {
        assert!(
            HashParameters::new(kibibytes, passes, lanes).is_err(),
            "{kibibytes} {passes} {lanes}"
        );
    }
    assert_eq!(HashParameters::new(19_456, 2, 1), Ok(HashParameters::default()));
    assert!(HashParameters::new(65_536, 3, 4).is_ok());
    assert!(HashParameters::new(262_144, 16, 16).is_ok());
    assert_ne!(HashParameters::cheap_for_tests(), HashParameters::default());
}

#[test]
fn ops_8_a_hash_never_shows() {
    let hash = PasswordHash::from_stored("$argon2id$v=19$secret".to_owned());
    assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
    let hasher = format!("{:?}", hasher(HasherOptions::cheap_for_tests()));
    assert!(hasher.starts_with("Hasher"), "{hasher}");
}
