//! Hashes of older parameters become hashes of the present ones, without undoing anything.

use anteroom::accounts::{
    Email, HasherOptions, Name, NewUser, Password, PasswordCheck, PasswordHash, Role,
};
use anteroom::use_cases::Authorized;
use anteroom::{Anteroom, Options};
use tempfile::TempDir;

use crate::harness::app::{OTHER_PASSWORD, PASSWORD};

async fn opened(folder: &TempDir, hashing: HasherOptions) -> Anteroom {
    let database = folder.path().join("anteroom.db");
    let mut options = Options::new(database, "http://localhost:8080");
    options.hashing = hashing;
    Anteroom::start(options).await.unwrap()
}

fn new_user(email: &Email) -> NewUser {
    NewUser {
        email: email.clone(),
        email_verified: false,
        name: Name::default(),
        role: Role::User,
        password: Password::from_typed(PASSWORD),
    }
}

fn proof(password: &str) -> PasswordCheck {
    PasswordCheck { password: Password::from_typed(password), from: None }
}

async fn hash_of(anteroom: &Anteroom, email: &Email, password: &str) -> PasswordHash {
    let account = anteroom.accounts().find_by_email(email).await.unwrap().unwrap();
    anteroom.accounts().prove(account.user.id, &proof(password)).await.unwrap().hash
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hash_3_a_sign_in_upgrades_the_hash_and_a_proof_leaves_it() {
    let folder = TempDir::new().unwrap();
    let email = Email::parse("ada@example.org").unwrap();
    let cheap = opened(&folder, HasherOptions::cheap_for_tests()).await;
    cheap.accounts().create(new_user(&email), false).await.unwrap();
    let old = hash_of(&cheap, &email, PASSWORD).await;
    cheap.stop().await;

    let anteroom = opened(&folder, HasherOptions::default()).await;
    assert_eq!(hash_of(&anteroom, &email, PASSWORD).await, old, "a proof is no sign-in");
    let wrong = proof(OTHER_PASSWORD);
    assert!(anteroom.accounts().authenticate(&email, &wrong).await.is_err());
    assert_eq!(hash_of(&anteroom, &email, PASSWORD).await, old, "a wrong password neither");
    let right = proof(PASSWORD);
    anteroom.accounts().authenticate(&email, &right).await.unwrap();

    let upgraded = hash_of(&anteroom, &email, PASSWORD).await;
    assert_ne!(upgraded, old);
    assert!(upgraded.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{upgraded:?}");
    anteroom.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hash_3_an_upgrade_that_comes_late_undoes_no_change_of_password() {
    use anteroom::accounts::AccountStore as _;
    use anteroom::store::{SessionLocation, SqlDatabase};

    let folder = TempDir::new().unwrap();
    let email = Email::parse("ada@example.org").unwrap();
    let anteroom = opened(&folder, HasherOptions::cheap_for_tests()).await;
    let account = anteroom.accounts().create(new_user(&email), false).await.unwrap();
    let read_before = hash_of(&anteroom, &email, PASSWORD).await;
    let changes = anteroom::use_cases::AccountChanges::new(
        anteroom.accounts().clone(),
        anteroom.sessions().clone(),
        anteroom.audit().clone(),
    );
    let next = Password::from_typed(OTHER_PASSWORD);
    let personal = (&account.user.email, &account.user.name);
    let to = anteroom.accounts().hash_new_password(&next, personal).await.unwrap();
    let change = anteroom::use_cases::AccountChange { password: Some(to), ..Default::default() };
    let operator = Authorized::by_operator(anteroom::audit::By::command_line());
    changes.apply(account.user.id, change, &operator).await.unwrap();

    let path = folder.path().join("anteroom.db");
    let store = SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap();
    let late = PasswordHash::from_stored("$argon2id$late".to_owned());
    let upgraded = store.upgrade_hash(account.user.id, &read_before, &late).await.unwrap();

    assert!(!upgraded);
    hash_of(&anteroom, &email, OTHER_PASSWORD).await;
    anteroom.stop().await;
}
