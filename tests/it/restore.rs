//! A backup brings back sessions that were ended since, and one command ends them, wherever
//! accounts and sessions are kept.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _};

use crate::command_line::done;
use crate::harness::client::{self, Client};
use crate::harness::left_out;
use crate::harness::postgres::Database;
use crate::harness::redis::RedisServer;
use crate::harness::server::{Place, Server};

const ADA: &str = "ada@example.org";

/// Somebody with two browsers.
struct Ada {
    laptop: Client,
    phone: Client,
}

impl Ada {
    async fn at(server: &Server) -> Self {
        let ada = Self { laptop: Client::of(server), phone: Client::of(server) };
        ada.laptop.sign_up(ADA).await;
        assert_eq!(ada.phone.sign_in(ADA, client::PASSWORD).await, 200);
        ada
    }

    /// Once the backup is made, the phone is lost.
    async fn is_signed_out_everywhere(&self, server: &Server) {
        done(&server.command(&["session", "revoke", "--user", ADA]));
        assert!(!self.phone.at(server).is_signed_in().await);
    }

    /// Whoever finds the phone is signed in again, unless somebody does what the documents say.
    async fn is_signed_out_by_one_command(&self, server: &Server) {
        done(&server.command(&["restore-check", "--yes"]));
        for client in [&self.laptop, &self.phone] {
            assert_eq!(client.at(server).reason().await, "revoked_by_admin");
        }
        assert_eq!(self.phone.at(server).sign_in(ADA, client::PASSWORD).await, 200);
        assert!(self.phone.at(server).is_signed_in().await);
    }

    async fn is_back(&self, server: &Server) {
        assert!(self.phone.at(server).is_signed_in().await, "nothing was restored");
    }
}

#[tokio::test]
async fn ops_10_what_a_backup_of_sqlite_revives_one_command_ends() {
    let server = Server::start();
    let ada = Ada::at(&server).await;
    let file = server.place.path().join("anteroom.db");
    let backup = server.place.path().join("backup.db");
    let options = SqliteConnectOptions::new().filename(&file);
    let mut beside = SqliteConnection::connect_with(&options).await.unwrap();
    let command = sqlx::query("VACUUM INTO $1").bind(backup.to_str().unwrap());
    beside.execute(command).await.unwrap();
    beside.close().await.unwrap();
    ada.is_signed_out_everywhere(&server).await;
    let place = server.stop();
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{ending}", file.display()));
    }
    fs::rename(&backup, &file).unwrap();

    let server = place.serve(&[]);
    ada.is_back(&server).await;
    ada.is_signed_out_by_one_command(&server).await;
}

#[tokio::test]
async fn ops_10_what_a_backup_of_postgres_revives_one_command_ends() {
    let (Some(database), Some(restored)) = (Database::fresh().await, Database::empty().await)
    else {
        return;
    };
    let server = database.place().serve(&[]);
    let ada = Ada::at(&server).await;
    let backup = Backup::of(&database);
    ada.is_signed_out_everywhere(&server).await;
    server.stop();
    backup.restore(&restored);

    let server = restored.place().serve(&[]);
    ada.is_back(&server).await;
    ada.is_signed_out_by_one_command(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_10_what_a_backup_of_redis_revives_one_command_ends() {
    let Some(mut redis) = RedisServer::start(&[], "a Redis that is restored") else { return };
    let server = Place::new().with("ANTEROOM_SESSIONS", &redis.url()).serve(&[]);
    let ada = Ada::at(&server).await;
    back_up(&redis).await;
    ada.is_signed_out_everywhere(&server).await;
    let place = server.stop();
    restore(&mut redis);

    let server = place.serve(&[]);
    // The epoch of the account is in the database, which was not restored.
    assert_eq!(ada.phone.at(&server).reason().await, "revoked_by_admin");
    ada.is_signed_out_by_one_command(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_10_a_single_session_that_a_backup_of_redis_revives_one_command_ends() {
    let Some(mut redis) = RedisServer::start(&[], "a Redis that is restored") else { return };
    let server = Place::new().with("ANTEROOM_SESSIONS", &redis.url()).serve(&[]);
    let ada = Ada::at(&server).await;
    back_up(&redis).await;
    let (_, told) = ada.phone.session().await;
    done(&server.command(&["session", "revoke", told["session"]["id"].as_str().unwrap()]));
    assert_eq!(ada.phone.reason().await, "revoked_by_admin");
    let place = server.stop();
    restore(&mut redis);

    let server = place.serve(&[]);
    ada.is_back(&server).await;
    ada.is_signed_out_by_one_command(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ops_10_accounts_older_than_their_sessions_in_redis_are_signed_out_and_can_sign_in() {
    let Some(redis) = RedisServer::start(&[], "a Redis beside what is restored") else { return };
    let (Some(database), Some(restored)) = (Database::fresh().await, Database::empty().await)
    else {
        return;
    };
    let server = database.place().with("ANTEROOM_SESSIONS", &redis.url()).serve(&[]);
    let ada = Ada::at(&server).await;
    let backup = Backup::of(&database);
    ada.is_signed_out_everywhere(&server).await;
    // Of an epoch that the backup does not know.
    assert_eq!(ada.laptop.sign_in(ADA, client::PASSWORD).await, 200);
    server.stop();
    backup.restore(&restored);

    let server = restored.place().with("ANTEROOM_SESSIONS", &redis.url()).serve(&[]);
    ada.is_signed_out_by_one_command(&server).await;
}

async fn back_up(redis: &RedisServer) {
    let _: () = redis.ask(&["SAVE"]).await;
    fs::copy(redis.folder().join("dump.rdb"), redis.folder().join("backup.rdb")).unwrap();
}

fn restore(redis: &mut RedisServer) {
    redis.kill();
    fs::rename(redis.folder().join("backup.rdb"), redis.folder().join("dump.rdb")).unwrap();
    redis.start_again();
}

/// As `pg_dump` writes one.
struct Backup(Vec<u8>);

impl Backup {
    fn of(database: &Database) -> Self {
        let dumped = Command::new(program("pg_dump")).arg(&database.url).output().unwrap();
        assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
        Self(dumped.stdout)
    }

    fn restore(&self, into: &Database) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &self.0).unwrap();
        let mut psql = Command::new(program("psql"));
        psql.args(["--quiet", "--set=ON_ERROR_STOP=1", "--file"]).arg(file.path()).arg(&into.url);
        let restored = psql.output().unwrap();
        assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    }
}

fn program(name: &str) -> PathBuf {
    left_out::program(name, "a backup of PostgreSQL").unwrap()
}
