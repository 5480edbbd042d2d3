//! The room over a real file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::entropy::Entropy;
use crate::store::{SessionLocation, SqlDatabase};
use crate::throttle::{Network, Rate, Throttle, ThrottleOptions};

const PHRASE: &str = "seven green bicycles rest quietly";
const OTHER: &str = "a lighthouse in the morning fog";

struct Stage {
    accounts: Accounts,
    database: SqlDatabase,
    clock: ManualClock,
    _folder: TempDir,
}

async fn stage() -> Stage {
    stage_with(ThrottleOptions::off()).await
}

async fn stage_with(throttles: ThrottleOptions) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anteroom.db");
    let database = SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap();
    let clock = ManualClock::at(datetime!(2030-01-01 00:00 UTC));
    let accounts = accounts_over(&database, &clock, throttles, HasherOptions::cheap_for_tests());
    Stage { accounts, database, clock, _folder: folder }
}

fn accounts_over(
    database: &SqlDatabase,
    clock: &ManualClock,
    throttles: ThrottleOptions,
    hashing: HasherOptions,
) -> Accounts {
    let store = Arc::new(database.clone());
    let entropy = Entropy::operating_system();
    Accounts::new(AccountsOptions {
        store: store.clone(),
        factors: store.clone(),
        relying_party: None,
        second_factor: SecondFactorPolicy::Optional,
        hasher: Hasher::start_with(entropy.clone(), hashing).unwrap(),
        policy: PasswordPolicy { min_length: 12 },
        throttle: Throttle::new(store, throttles, Clock::from(clock)),
        clock: Clock::from(clock),
        entropy,
    })
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn here() -> Network {
    Network::of("192.0.2.1".parse().unwrap())
}

fn proof(password: &str) -> PasswordCheck {
    PasswordCheck { password: Password::from_typed(password), from: Some(here()) }
}

fn new_user(name: &str, role: Role) -> NewUser {
    NewUser {
        email: email(&format!("{name}@example.org")),
        email_verified: false,
        name: Name::parse(name).unwrap(),
        role,
        password: Password::from_typed(PHRASE),
    }
}

impl Stage {
    async fn add(&self, name: &str, role: Role) -> Account {
        self.accounts.create(new_user(name, role), false).await.unwrap()
    }

    async fn authenticate(
        &self,
        name: &str,
        password: &str,
    ) -> Result<Authenticated, PasswordCheckError> {
        let email = email(&format!("{name}@example.org"));
        self.accounts.authenticate(&email, &proof(password)).await.map_err(|failed| failed.error)
    }

    async fn change(&self, id: UserId, change: Change) -> Result<Changed, ChangeError> {
        self.accounts.change(id, |_| Some(change.clone())).await
    }
}

fn is_refused<T>(proof: &Result<T, PasswordCheckError>) -> bool {
    matches!(proof, Err(PasswordCheckError::Refused))
}

#[tokio::test]
async fn only_the_password_of_an_active_account_authenticates() {
    let stage = stage().await;
    let ada = stage.add("ada", Role::User).await;
    let bob = stage.add("bob", Role::User).await;
    assert_eq!(stage.authenticate("ada", PHRASE).await.unwrap().account, ada);
    assert_eq!(stage.accounts.prove(bob.user.id, &proof(PHRASE)).await.unwrap().account, bob);
    assert!(is_refused(&stage.authenticate("ada", OTHER).await));
    assert!(is_refused(&stage.authenticate("eve", PHRASE).await));
    let nobody = UserId::from_uuid(Uuid::nil());
    assert!(is_refused(&stage.accounts.prove(nobody, &proof(PHRASE)).await));
    assert!(is_refused(&stage.accounts.prove(ada.user.id, &proof(OTHER)).await));

    let disable = Change { status: Some(Status::Disabled), ..Change::default() };
    stage.change(ada.user.id, disable).await.unwrap();
    assert!(is_refused(&stage.authenticate("ada", PHRASE).await));
    assert!(is_refused(&stage.accounts.prove(ada.user.id, &proof(PHRASE)).await));
}

#[tokio::test]
async fn a_sign_in_replaces_a_hash_of_old_parameters_and_a_proof_leaves_it() {
    let stage = stage().await;
    let ada = stage.add("ada", Role::User).await.user;
    let hash = async || {
        let store: &dyn AccountStore = &stage.database;
        store.credentials(ada.id).await.unwrap().unwrap().hash
    };
    let old = hash().await;
    let parameters = HashParameters::new(19_456, 3, 1).unwrap();
    let hashing = HasherOptions { parameters, ..HasherOptions::default() };
    let newer = accounts_over(&stage.database, &stage.clock, ThrottleOptions::off(), hashing);
    newer.prove(ada.id, &proof(PHRASE)).await.unwrap();
    assert_eq!(hash().await, old);
    let wrong = newer.authenticate(&ada.email, &proof(OTHER)).await;
    assert!(is_refused(&wrong.map_err(|failed| failed.error)));
    assert_eq!(hash().await, old);

    newer.authenticate(&ada.email, &proof(PHRASE)).await.unwrap();

    let upgraded = hash().await;
    assert!(upgraded.as_str().contains("t=3"), "{}", upgraded.as_str());
    newer.authenticate(&ada.email, &proof(PHRASE)).await.unwrap();
    assert_eq!(hash().await, upgraded);
    stage.authenticate("ada", PHRASE).await.unwrap();
}

#[tokio::test]
async fn wrong_passwords_count_and_right_ones_do_not() {
    let rate = Some(Rate { count: 2, per: Duration::from_mins(10) });
    let stage = stage_with(ThrottleOptions { account: rate, network: None, signup: rate }).await;
    let ada = stage.add("ada", Role::User).await.user;
    for _ in 0..5 {
        stage.authenticate("ada", PHRASE).await.unwrap();
    }
    assert!(is_refused(&stage.authenticate("ada", OTHER).await));
    assert!(is_refused(&stage.accounts.prove(ada.id, &proof(OTHER)).await));
    let throttled = stage.authenticate("ada", PHRASE).await;
    assert!(matches!(throttled, Err(PasswordCheckError::Throttled(_))), "{throttled:?}");
    for name in ["eve", "eve"] {
        assert!(is_refused(&stage.authenticate(name, PHRASE).await));
    }
    let throttled = stage.authenticate("eve", PHRASE).await;
    assert!(matches!(throttled, Err(PasswordCheckError::Throttled(_))), "{throttled:?}");
}

#[tokio::test]
async fn sign_ups_count_whether_created_or_taken_unless_the_answer_reveals_nothing() {
    let rate = Some(Rate { count: 2, per: Duration::from_mins(10) });
    let stage = stage_with(ThrottleOptions { account: None, network: None, signup: rate }).await;
    let sign_up = async |name: &str, password: &str| {
        let password = Password::from_typed(password);
        let new = NewUser { password, ..new_user(name, Role::User) };
        stage.accounts.sign_up(new, Some(here()), |_| Ok(None)).await
    };
    for _ in 0..3 {
        assert!(matches!(sign_up("ada", "short").await, Err(CreateError::Weak(_))));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ada = sign_up("ada", PHRASE).await.unwrap();
    assert_eq!((ada.epoch, ada.epoch_reason), (Epoch::FIRST, None));
    assert_eq!(ada.user.created_at, stage.clock.now());
    assert_eq!((ada.user.role, ada.user.status), (Role::User, Status::Active));
    assert!(matches!(sign_up("ada", PHRASE).await, Err(CreateError::EmailTaken)));
    assert!(matches!(sign_up("bob", PHRASE).await, Err(CreateError::Throttled(_))));
    assert_eq!(stage.accounts.find(ada.user.id).await.unwrap(), Some(ada.clone()));
    let by_email = stage.accounts.find_by_email(&ada.user.email).await.unwrap();
    assert_eq!(by_email, Some(ada));
    assert_eq!(stage.accounts.find_by_email(&email("bob@example.org")).await.unwrap(), None);
}

#[tokio::test]
async fn where_an_account_was_made_strangers_keep_its_owner_not_out() {
    let rate = Some(Rate { count: 2, per: Duration::from_mins(10) });
    let stage = stage_with(ThrottleOptions { account: rate, network: None, signup: None }).await;
    stage.accounts.sign_up(new_user("ada", Role::User), Some(here()), |_| Ok(None)).await.unwrap();
    stage.accounts.set_up(new_user("root", Role::Admin), Some(here())).await.unwrap();
    let mut throttled = 0;
    for n in 1..=20_u8 {
        let from = Some(Network::of(std::net::Ipv4Addr::new(203, 0, 113, n).into()));
        for name in ["ada", "root"] {
            let email = email(&format!("{name}@example.org"));
            let wrong = PasswordCheck { from, ..proof(OTHER) };
            let outcome = stage.accounts.authenticate(&email, &wrong).await;
            let outcome = outcome.map_err(|failed| failed.error);
            throttled += usize::from(matches!(outcome, Err(PasswordCheckError::Throttled(_))));
        }
    }
    assert_eq!(throttled, 20, "ten a day from everywhere");
    for name in ["ada", "root"] {
        stage.authenticate(name, PHRASE).await.unwrap();
    }
}

#[tokio::test]
async fn a_first_administrator_is_made_only_while_there_is_none() {
    let stage = stage().await;
    assert!(!stage.accounts.has_administrator().await.unwrap());
    let first = stage.accounts.set_up(new_user("root", Role::Admin), Some(here())).await.unwrap();
    assert!(stage.accounts.has_administrator().await.unwrap());
    let second = stage.accounts.set_up(new_user("eve", Role::Admin), Some(here())).await;
    assert!(matches!(second, Err(CreateError::AdministratorExists)), "{second:?}");
    stage.add("bob", Role::Admin).await;
    let listing = Listing { query: None, after: Some(first.user.id), limit: 10 };
    let rest = stage.accounts.list(&listing).await.unwrap();
    assert_eq!(rest.accounts.len(), 1);
    assert_eq!(rest.accounts[0].user.email.as_str(), "bob@example.org");
    stage.accounts.ready().await.unwrap();
    stage.database.close().await;
    assert!(stage.accounts.ready().await.is_err());
}

#[tokio::test]
async fn a_new_password_is_held_to_the_policy_and_to_the_person() {
    let stage = stage().await;
    let (email, name) = (email("margaret.wintergreen@example.org"), Name::default());
    let hash = async |text: &str| {
        let password = Password::from_typed(text);
        stage.accounts.hash_new_password(&password, (&email, &name)).await
    };
    assert!(hash(PHRASE).await.is_ok());
    assert!(matches!(hash("too short").await, Err(NewPasswordError::Weak(_))));
    let own = hash("margaret.wintergreen").await;
    assert!(matches!(own, Err(NewPasswordError::Weak(_))), "{own:?}");
    let endless = hash(&"long enough ".repeat(200)).await;
    assert!(matches!(endless, Err(NewPasswordError::Weak(WeakPassword::TooLong))), "{endless:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_retried_five_times_at_most_when_the_account_changed_meanwhile() {
    let stage = stage().await;
    let ada = stage.add("ada", Role::User).await.user.id;
    // Another raises the epoch between the decision and the change.
    let meddle = |times: usize| {
        let (asked, path) = (Arc::new(AtomicUsize::new(0)), stage.database.clone());
        let asked_so_far = asked.clone();
        let decide = move |account: &Account| {
            if asked_so_far.fetch_add(1, Ordering::Relaxed) < times {
                let (database, seen) = (path.clone(), account.epoch);
                let raise = EpochRaise { reason: EpochReason::RevokedByUser, survivor: None };
                let change = Change { seen, raise: Some(raise), ..Change::default() };
                let at = account.user.created_at;
                let changing = async { database.change(ada, &change, at).await.map(drop) };
                let here = tokio::runtime::Handle::current();
                tokio::task::block_in_place(|| here.block_on(changing)).unwrap();
            }
            Some(Change { name: Some(Name::parse("Augusta").unwrap()), ..Change::default() })
        };
        (asked, decide)
    };
    let (asked, decide) = meddle(4);
    let changed = stage.accounts.change(ada, decide).await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 5);
    assert_eq!(changed.account.unwrap().user.name.as_str(), "Augusta");
    let (asked, decide) = meddle(100);
    let refused = stage.accounts.change(ada, decide).await;
    assert!(matches!(refused, Err(ChangeError::Moved)), "{refused:?}");
    assert_eq!(asked.load(Ordering::Relaxed), 5);

    let nothing = stage.accounts.change(ada, |_| None).await.unwrap();
    assert_eq!(nothing.ended, Some(0));
    let nobody = UserId::from_uuid(Uuid::nil());
    let refused = stage.accounts.change(nobody, |_| None).await;
    assert!(matches!(refused, Err(ChangeError::NotFound)), "{refused:?}");
}

#[test]
fn every_word_that_is_kept_is_read_again_and_no_other() {
    assert_eq!([Role::User, Role::Admin].map(Role::as_str), ["user", "admin"]);
    assert_eq!([Status::Active, Status::Disabled].map(Status::as_str), ["active", "disabled"]);
    for role in [Role::User, Role::Admin] {
        assert_eq!(Role::parse(role.as_str()), Some(role));
    }
    for status in [Status::Active, Status::Disabled] {
        assert_eq!(Status::parse(status.as_str()), Some(status));
    }
    let reasons = [
        (EpochReason::PasswordChanged, "password_changed"),
        (EpochReason::RoleChanged, "role_changed"),
        (EpochReason::AccountDisabled, "account_disabled"),
        (EpochReason::AccountDeleted, "account_deleted"),
        (EpochReason::RevokedByUser, "revoked_by_user"),
        (EpochReason::RevokedByAdmin, "revoked_by_admin"),
        (EpochReason::FactorChanged, "factor_changed"),
    ];
    for (reason, word) in reasons {
        assert_eq!((reason.as_str(), EpochReason::parse(word)), (word, Some(reason)));
    }
    for odd in ["", "Admin", "root", "xyzzy"] {
        assert_eq!((Role::parse(odd), Status::parse(odd)), (None, None));
        assert_eq!(EpochReason::parse(odd), None);
    }
    assert_eq!(Epoch::from_number(7).number(), 7);
    assert_eq!(Epoch::FIRST.next().number(), 2);
    assert_eq!(Epoch::from_number(i64::MAX).next().number(), i64::MAX);
}

#[test]
fn a_name_is_trimmed_composed_and_at_most_100_characters() {
    let parsed = |text: &str| Name::parse(text).map(|name| name.as_str().to_owned());
    assert_eq!(parsed("  Ada  ").unwrap(), "Ada");
    assert_eq!(parsed("").unwrap(), "");
    assert_eq!(parsed("Zoe\u{308}").unwrap(), "Zo\u{eb}");
    assert_eq!(parsed(&"a".repeat(100)).unwrap().len(), 100);
    assert_eq!(parsed(&"a".repeat(101)), Err(InvalidName::TooLong));
    // Before composing, so that no text takes long: 1600 bytes at most.
    assert_eq!(parsed(&format!("{}a", " ".repeat(1599))).unwrap(), "a");
    assert_eq!(parsed(&format!("{}a", " ".repeat(1600))), Err(InvalidName::TooLong));
    for odd in ['\0', '\n', '\u{AD}', '\u{200E}', '\u{202E}', '\u{2066}', '\u{FEFF}', '\u{E0001}'] {
        assert_eq!(parsed(&format!("a{odd}b")), Err(InvalidName::Invisible), "{odd:?}");
    }
    assert_eq!(parsed("a\u{200D}b").unwrap(), "a\u{200D}b", "a joiner that scripts need");
    assert_eq!(InvalidName::TooLong.code(), "too_long");
    assert_eq!(InvalidName::Invisible.code(), "invisible");
}

#[test]
fn a_setup_link_works_for_an_hour_for_one_at_a_time_and_once() {
    let clock = ManualClock::at(datetime!(2030-01-01 00:00 UTC));
    let link = SetupLink::new(Clock::from(&clock));
    let entropy = Entropy::operating_system();
    assert!(!link.works("") && link.claim("").is_none());
    let voided = link.issue(&entropy).unwrap();
    let token = link.issue(&entropy).unwrap();
    assert_eq!(token.len(), 43);
    assert!(link.works(&token) && !link.works(&voided) && link.claim(&voided).is_none());
    // One letter more, less, or another one.
    for odd in [format!("{token}A"), token[..42].to_owned(), format!("{}\u{7f}", &token[..42])] {
        assert!(!link.works(&odd) && link.claim(&odd).is_none(), "{odd}");
    }
    // Two other letters whose differences take each other away.
    let mut twisted = token.clone().into_bytes();
    twisted[0] ^= 1;
    twisted[1] ^= 1;
    assert!(!link.works(&String::from_utf8(twisted).unwrap()));

    let claim = link.claim(&token).unwrap();
    assert!(!link.works(&token) && link.claim(&token).is_none(), "two have it");
    drop(claim);
    assert!(link.works(&token), "it was given back");
    let claim = link.claim(&token).unwrap();
    let newer = link.issue(&entropy).unwrap();
    drop(claim);
    assert!(link.works(&newer) && !link.works(&token), "an old one came back over a new one");

    clock.advance(Duration::from_secs(3599));
    assert!(link.works(&newer));
    clock.advance(Duration::from_secs(1));
    assert!(!link.works(&newer) && link.claim(&newer).is_none());
    let last = link.issue(&entropy).unwrap();
    link.claim(&last).unwrap().used_up();
    assert!(!link.works(&last));
    assert!(!format!("{link:?}").contains(&last));
    assert_eq!(format!("{link:?}"), "SetupLink(…)");
}
