//! Anteroom inside of this process, with accounts in `SQLite` and sessions in memory: what a server
//! does to know who is there, without the network around it.

use anteroom::accounts::{Epoch, UserId};
use anteroom::sessions::{Client, NewSession, Owner, Token};
use anteroom::use_cases::Check;
use anteroom::{Anteroom, Options, SessionStorage};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::load::{LOAD_CORE, keep_to};
use crate::memory::user_agent;
use crate::servers::SERVER_CORE;

/// How many sessions each person has: a few devices and browsers.
const OF_EACH: u32 = 10;

pub struct Inside {
    pub runtime: Runtime,
    pub anteroom: Anteroom,
    pub check: Check,
    /// Of every session.
    pub tokens: Vec<Token>,
    people: u32,
    folder: TempDir,
}

impl Inside {
    /// Background work has the core of the servers; the measuring process has the other.
    pub fn start() -> Self {
        keep_to(SERVER_CORE);
        let folder = TempDir::new().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.unwrap();
        let mut options = Options::new(folder.path().join("anteroom.db"), "http://localhost:8080");
        options.sessions = SessionStorage::Memory { limit: 20_000_000 };
        let anteroom = runtime.block_on(Anteroom::start(options)).unwrap();
        keep_to(LOAD_CORE);
        let check = Check::new(anteroom.accounts().clone(), anteroom.sessions().clone());
        Self { runtime, anteroom, check, tokens: Vec::new(), people: 0, folder }
    }

    /// Signs people in until there are so many sessions.
    pub fn fill_to(&mut self, sessions: u32) {
        let people = sessions.div_ceil(OF_EACH);
        self.runtime.block_on(add_people(&self.folder, self.people, people));
        self.people = self.people.max(people);
        let from = u32::try_from(self.tokens.len()).unwrap();
        for number in from..sessions {
            let beginning = NewSession {
                owner: Owner::User { id: user(number / OF_EACH), epoch: Epoch::FIRST },
                administrator: false,
                second_factor: None,
                passkey: None,
                remember_me: false,
                client: Client {
                    ip_address: Some([192, 0, 2, 1].into()),
                    user_agent: user_agent(number),
                },
                previous_token: None,
                last_epoch_reason: None,
            };
            let started = self.runtime.block_on(self.anteroom.sessions().start(beginning)).unwrap();
            self.tokens.push(started.token);
        }
    }
}

fn user(number: u32) -> UserId {
    UserId::from_uuid(Uuid::from_u128(u128::from(number)))
}

/// As many sign-ups would have written them, in two statements.
async fn add_people(folder: &TempDir, from: u32, to: u32) {
    let path = folder.path().join("anteroom.db");
    let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    let numbers = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT {from} WHERE {from} < {to} UNION ALL \
         SELECT n + 1 FROM numbers WHERE n + 1 < {to})"
    );
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZSByYW5kb20gc2FsdA$\
                aGFzaCBvZiBhIHBhc3N3b3JkLCAzMiBieXRlcyBpbiBhbGw";
    let users = format!(
        "{numbers} INSERT INTO users SELECT unhex(printf('%032x', n)), 'user' || n || \
         '@example.org', TRUE, 'User ' || n, 'user' || n || '@example.org user ' || n, 'user', \
         'active', '{hash}', 1795251600000 FROM numbers"
    );
    let epochs = format!(
        "{numbers} INSERT INTO user_epochs (user_id, epoch) SELECT unhex(printf('%032x', n)), 1 \
         FROM numbers"
    );
    for statement in [users, epochs] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}
