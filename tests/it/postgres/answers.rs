//! The same questions get the same answers from either engine.

use anteroom::accounts::{
    Account, AccountStore, AddError, Addition, Change, ChangeError, Email, EpochRaise, EpochReason,
    Group, Groups, GroupsChange, Listing, Name, PasswordChange, PasswordHash, Role, Status, User,
    UserId,
};
use anteroom::audit::{Along, AuditStore, AuditWalk, By, Event, EventId, Kind, Recorded};
use anteroom::sessions::{Client, SessionId};
use anteroom::store::{SessionLocation, SqlDatabase};
use tempfile::TempDir;
use uuid::Uuid;

use super::NOW;
use crate::harness::postgres::Database;

/// The same ids in both, in an order of their own.
fn id(n: u8) -> Uuid {
    let mut bytes = [0x7F; 16];
    // Signs and cases that an order of letters would tell apart from one of bytes.
    bytes[0] = n.wrapping_mul(83);
    bytes[15] = n;
    Uuid::from_bytes(bytes)
}

async fn both() -> Option<(TempDir, Database, [SqlDatabase; 2])> {
    let database = Database::fresh().await?;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("anteroom.db");
    let sqlite = SqlDatabase::open(&path, SessionLocation::ThisDatabase).await.unwrap();
    let postgres = SqlDatabase::open(&*database.url, SessionLocation::ThisDatabase).await.unwrap();
    Some((folder, database, [sqlite, postgres]))
}

const PEOPLE: [(&str, &str); 12] = [
    ("ada@example.org", "Ada Lovelace"),
    ("bob_1@example.org", "100% Bob"),
    ("bob.1@example.org", "Bob! the second"),
    ("carol@example.org", "Çağrı İpek"),
    ("dora@example.org", "ДОРА"),
    ("emil@example.org", "Ünal Straße"),
    ("f@example.org", "한국어 이름"),
    ("g@example.org", "back\\slash 'quote' \"double\""),
    ("h@example.org", ""),
    ("i@example.org", "🦦 otter"),
    ("zoe@example.com", "Zoë"),
    ("zoe@example.net", "ZOË"),
];

async fn people(store: &dyn AccountStore) -> Vec<User> {
    let mut people = Vec::new();
    for (n, (email, name)) in PEOPLE.into_iter().enumerate() {
        let n = u8::try_from(n).unwrap();
        let user = User {
            id: UserId::from_uuid(id(n)),
            email: Email::parse(email).unwrap(),
            email_verified: n % 2 == 0,
            name: Name::parse(name).unwrap(),
            role: if n == 0 { Role::Admin } else { Role::User },
            groups: Groups::from_stored(if n == 1 { "_0-x,dev" } else { "" }).unwrap(),
            status: Status::Active,
            created_at: NOW + time::Duration::milliseconds(i64::from(n)),
        };
        let hash = PasswordHash::from_stored(format!("$argon2id${n}"));
        store.add(&user, &hash, &Addition::default()).await.unwrap();
        people.push(user);
    }
    people
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_are_found_listed_and_searched_alike() {
    let Some((_folder, _database, stores)) = both().await else { return };
    let mut told: Vec<Vec<String>> = Vec::new();
    for store in &stores {
        let accounts: &dyn AccountStore = store;
        let people = people(accounts).await;
        let mut answers = Vec::new();
        for user in &people {
            let found = accounts.find(user.id).await.unwrap().unwrap();
            assert_eq!(found.user, *user);
            let by_email = accounts.credentials_by_email(&user.email).await.unwrap().unwrap();
            assert_eq!(by_email.account, found);
            answers.push(by_email.hash.as_str().to_owned());
        }
        for query in [
            None,
            Some(""),
            Some("BOB"),
            Some("%"),
            Some("_"),
            Some("!"),
            Some("b_1"),
            Some("b.1"),
            Some("i̇pek"),
            Some("İPEK"),
            Some("дора"),
            Some("ДОРА"),
            Some("STRASSE"),
            Some("straße"),
            Some("한국"),
            Some("\\"),
            Some("'"),
            Some("\""),
            Some("zoë"),
            Some("ZOË"),
            Some("🦦"),
            Some("nobody"),
            Some("a\0d"),
            Some("\0"),
            Some("example.org"),
        ] {
            for limit in [1, 3, 100] {
                answers
                    .push(format!("{query:?} {limit}: {:?}", pages(accounts, query, limit).await));
            }
        }
        told.push(answers);
    }

    assert_eq!(told[0], told[1]);
    let all = told[0].iter().find(|line| line.starts_with("None 3: ")).unwrap();
    assert_eq!(all.matches('[').count(), 1 + 5, "five pages, the last one empty: {all}");
}

/// The ends of the ids, page by page.
async fn pages(store: &dyn AccountStore, query: Option<&str>, limit: u32) -> Vec<Vec<u8>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let listing = Listing { query: query.map(str::to_owned), after, limit };
        let page: Vec<Account> = store.list(&listing).await.unwrap().accounts;
        pages.push(page.iter().map(|account| account.user.id.as_uuid().as_bytes()[15]).collect());
        if page.len() < limit as usize {
            return pages;
        }
        after = page.last().map(|account| account.user.id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_change_alike() {
    let Some((_folder, _database, stores)) = both().await else { return };
    let mut told: Vec<Vec<String>> = Vec::new();
    for store in &stores {
        let store: &dyn AccountStore = store;
        people(store).await;
        let mut answers = Vec::new();
        for change in changes() {
            for n in [0, 1, 2, 200] {
                let user = UserId::from_uuid(id(n));
                let seen = store.find(user).await.unwrap().map(|account| account.epoch);
                let change = Change { seen: seen.unwrap_or_default(), ..change.clone() };
                let outcome = store.change(user, &change, NOW).await;
                let told = outcome.map_err(|error| match error {
                    ChangeError::Store(error) => panic!("{error:?}"),
                    other => other.to_string(),
                });
                answers.push(format!("{told:?} {:?}", store.find(user).await.unwrap()));
            }
        }
        let again = store.find(UserId::from_uuid(id(3))).await.unwrap().unwrap().user;
        let hash = PasswordHash::from_stored(String::new());
        let twice = store.add(&again, &hash, &Addition::default()).await.unwrap_err();
        assert!(matches!(twice, AddError::EmailTaken), "{twice:?}");
        answers.push(format!("{}", store.has_administrator().await.unwrap()));
        told.push(answers);
    }

    assert_eq!(told[0], told[1]);
    assert!(told[0].iter().any(|line| line.contains("last active administrator")));
    assert!(told[0].iter().any(|line| line.contains("another account has this address")));
    assert!(told[0].iter().any(|line| line.contains("at most 64 groups")));
}

fn changes() -> Vec<Change> {
    let hash = |text: &str| PasswordHash::from_stored(text.to_owned());
    let raise = |reason| Some(EpochRaise { reason, survivor: None });
    let password =
        |from: Option<&str>, to: &str| Some(PasswordChange { from: from.map(hash), to: hash(to) });
    let groups = |change| Change { groups: Some(change), ..Change::default() };
    let group = |name| Group::parse(name).unwrap();
    let most: Vec<String> = (0..64).map(|n| format!("{n:02}{}", "x".repeat(62))).collect();
    let most = Groups::parse(most.iter().map(String::as_str)).unwrap();
    vec![
        groups(GroupsChange::Add(group("dev"))),
        groups(GroupsChange::Remove(group("_0-x"))),
        groups(GroupsChange::Replace(most)),
        groups(GroupsChange::Add(group("one-more"))),
        groups(GroupsChange::Replace(Groups::default())),
        Change { name: Some(Name::parse("İ ß 한").unwrap()), ..Change::default() },
        Change {
            email: Some((Email::parse("zoe@example.com").unwrap(), true)),
            ..Change::default()
        },
        Change {
            email: Some((Email::parse("new@example.org").unwrap(), true)),
            ..Change::default()
        },
        Change { raise: raise(EpochReason::RevokedByUser), ..Change::default() },
        Change { password: password(Some("$argon2id$1"), "next"), ..Change::default() },
        Change {
            password: password(None, "last"),
            raise: raise(EpochReason::PasswordChanged),
            ..Change::default()
        },
        Change { status: Some(Status::Disabled), ..Change::default() },
        Change { role: Some(Role::User), ..Change::default() },
        Change { role: Some(Role::Admin), status: Some(Status::Active), ..Change::default() },
        Change { delete: true, raise: raise(EpochReason::AccountDeleted), ..Change::default() },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_listed_alike() {
    let Some((_folder, _database, stores)) = both().await else { return };
    let mut told: Vec<Vec<String>> = Vec::new();
    for store in &stores {
        let store: &dyn AuditStore = store;
        let mut all = Vec::new();
        for n in 0..40_u8 {
            let client = Client {
                ip_address: (n % 3 != 0)
                    .then(|| std::net::Ipv4Addr::from_bits(u32::from(n)).into()),
                user_agent: format!("agent 한 {n}"),
            };
            let user = UserId::from_uuid(id(n % 4));
            let session = SessionId::from_uuid(id(100 + n));
            let by = match n % 4 {
                0 => By::user(user, session, client),
                1 => By::anonymous(client),
                2 => By::command_line(),
                _ => By::server(),
            };
            let kind = if n % 5 == 0 { Kind::Login } else { Kind::Signup };
            let event = Event::new(kind, &by).about(UserId::from_uuid(id(n % 3)));
            let event = event.with("text", "a \u{0} zero and a \" quote");
            let at = NOW + time::Duration::seconds(i64::from(n));
            all.push(Recorded::new(EventId::from_uuid(id(n)), at, event));
        }
        store.append(&all[..1]).await.unwrap();
        store.append(&all[1..]).await.unwrap();
        store.append(&[]).await.unwrap();
        let mut answers = Vec::new();
        for along in [
            Along::Everything,
            Along::Subject(UserId::from_uuid(id(0))),
            Along::Subject(UserId::from_uuid(id(77))),
            Along::Actor(UserId::from_uuid(id(1))),
            Along::Session(SessionId::from_uuid(id(1))),
            Along::Network("192.0.2.1".parse().unwrap()),
            Along::Kind(Kind::Login),
            Along::Kind(Kind::Logout),
        ] {
            for before in [None, Some(20)] {
                for limit in [1, 7, 200] {
                    let before = before.map(|n| EventId::from_uuid(id(n)));
                    let walk = AuditWalk { along, before, limit };
                    answers.push(format!("{:?}", store.walk(&walk).await.unwrap()));
                }
            }
        }
        for kind in [Kind::Login, Kind::Throttled] {
            let range = (EventId::from_uuid(id(3)), EventId::from_uuid(id(20)));
            answers.push(format!("{}", store.count(kind, range).await.unwrap()));
        }
        assert_eq!(store.last_settings().await.unwrap(), None);
        store.keep_settings("{\"a\":1}").await.unwrap();
        store.keep_settings("{\"a\":2}").await.unwrap();
        answers.push(store.last_settings().await.unwrap().unwrap());
        assert!(store.append(&all[..2]).await.is_err(), "an event is not written twice");
        told.push(answers);
    }

    assert_eq!(told[0], told[1]);
    assert!(told[0].iter().any(|answer| answer.contains("zero")));
}
