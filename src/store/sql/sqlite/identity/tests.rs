//! One file by several names, and another file by the same name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::{Content, Handle, SameFiles, beside, resolve};
use crate::sessions::cache::{Change, Freshness as _};
use crate::store::sql::{OpenError, SessionLocation, SqlDatabase};

struct Folder {
    folder: TempDir,
    file: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let file = fs::canonicalize(folder.path()).unwrap().join("a/anteroom.db");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::create_dir(folder.path().join("b")).unwrap();
        Self { folder, file }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Names of the same file that lead to the same path.
    fn other_paths(&self) -> [PathBuf; 4] {
        symlink(&self.file, self.path("b/linked.db")).unwrap();
        symlink("linked.db", self.path("b/twice.db")).unwrap();
        symlink("a", self.path("folder")).unwrap();
        ["b/linked.db", "b/twice.db", "folder/anteroom.db", "b/../a/anteroom.db"]
            .map(|name| self.path(name))
    }
}

async fn served(path: &Path) -> Result<SqlDatabase, OpenError> {
    SqlDatabase::open_for_server(path, SessionLocation::ThisDatabase).await
}

#[test]
fn every_path_resolves_to_the_real_one_even_if_the_file_is_missing() {
    let folder = Folder::new();
    let names = folder.other_paths();

    for name in &names {
        assert_eq!(resolve(name).unwrap(), folder.file, "{}", name.display());
    }
    fs::write(&folder.file, "").unwrap();
    for name in &names {
        assert_eq!(resolve(name).unwrap(), folder.file, "{}", name.display());
    }
    assert!(resolve(&folder.path("nowhere/anteroom.db")).is_err());
    symlink("round.db", folder.path("round.db")).unwrap();
    assert!(resolve(&folder.path("round.db")).is_err());
}

#[test]
fn only_a_regular_file_is_opened_and_its_first_bytes_identify_it() {
    let folder = Folder::new();
    let content = |name: &str, text: &str| {
        fs::write(folder.path(name), text).unwrap();
        Handle::open(&folder.path(name)).unwrap().content().unwrap()
    };

    assert_eq!(content("empty.db", ""), Content::Nothing);
    assert_eq!(content("text.db", "SQLite"), Content::SomethingElse);
    assert_eq!(content("other.db", "SQLite format 4\0..."), Content::SomethingElse);
    assert_eq!(content("begun.db", "SQLite format 3\0..."), Content::Database);
    for path in [Path::new("/dev/null"), folder.folder.path()] {
        let error = Handle::open(path).unwrap_err().to_string();
        assert!(error.contains("not a regular file"), "{error}");
    }
}

#[test]
fn one_handle_serves_all_names_of_a_file() {
    let folder = Folder::new();
    fs::write(&folder.file, "").unwrap();
    fs::hard_link(&folder.file, folder.path("b/hard.db")).unwrap();

    let first = Handle::open(&folder.file).unwrap();

    assert!(Arc::ptr_eq(&first, &Handle::open(&folder.path("b/hard.db")).unwrap()));
    first.serve(&folder.file).unwrap();
    assert!(first.serve(&folder.path("b/hard.db")).is_err());
    assert!(first.has_another_name(&folder.path("b/hard.db")));
    assert!(!first.has_another_name(&folder.file));
    first.release();
    assert!(!first.has_another_name(&folder.path("b/hard.db")));
}

#[tokio::test]
async fn a_second_server_is_refused_by_every_name_until_the_first_is_closed() {
    let folder = Folder::new();
    let first = served(&folder.file).await.unwrap();
    fs::hard_link(&folder.file, folder.path("b/hard.db")).unwrap();
    let names = folder.other_paths().into_iter().chain([folder.path("b/hard.db")]);

    for name in names {
        let refused = served(&name).await;
        assert!(matches!(refused, Err(OpenError::InUse { .. })), "{}", name.display());
    }
    let hard = SqlDatabase::open(folder.path("b/hard.db"), SessionLocation::ThisDatabase).await;
    assert!(matches!(hard, Err(OpenError::OtherName { .. })), "each name has its own log");
    assert_eq!(fs::read_dir(folder.path("b")).unwrap().count(), 3, "something is left");

    first.close().await;
    served(&folder.path("b/linked.db")).await.unwrap().close().await;
}

#[test]
fn a_replaced_file_is_noticed_by_all_of_its_names() {
    let folder = Folder::new();
    let link = folder.path("b/linked.db");
    let copy = folder.path("copy");
    fs::write(&copy, "").unwrap();
    symlink(&folder.file, &link).unwrap();
    let files = [folder.file.clone(), beside(&folder.file, "-wal"), beside(&folder.file, "-shm")];
    for file in &files {
        fs::write(file, "").unwrap();
    }
    let opened = SameFiles::of(&link, &folder.file).unwrap();
    opened.check().unwrap();

    for file in &files {
        let aside = folder.path("aside");
        fs::rename(file, &aside).unwrap();
        opened.check().unwrap_err();
        fs::copy(&copy, file).unwrap();
        opened.check().unwrap_err();
        fs::rename(&aside, file).unwrap();
        opened.check().unwrap();
    }
    fs::remove_file(&link).unwrap();
    symlink(&copy, &link).unwrap();
    opened.check().unwrap_err();
}

#[tokio::test]
async fn commits_of_other_connections_are_reported_and_own_ones_are_not() {
    let folder = Folder::new();
    let database = served(&folder.file).await.unwrap();
    let crate::store::sql::engine::Engine::Sqlite(file) = &database.engine else { return };
    let mut subscription = file.subscribe().await.unwrap();

    for _ in 0..3 {
        assert!(subscription.probe().await.unwrap().is_empty());
        database.newest_order().await.unwrap();
        database.record_session_location().await.unwrap();
        assert!(subscription.probe().await.unwrap().is_empty());
        file.write_as_other_process().await.unwrap();
        assert_eq!(subscription.probe().await.unwrap(), [Change::Everything]);
    }

    fs::remove_file(beside(&folder.file, "-wal")).unwrap();
    subscription.probe().await.unwrap_err();
    assert!(file.subscribe().await.is_err(), "others write into another file");
}

#[tokio::test]
async fn the_file_is_closed_after_operations_that_were_cancelled() {
    for _ in 0..20 {
        let folder = Folder::new();
        let database = served(&folder.file).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let database = database.clone();
            tasks.spawn(async move { while database.answers().await.is_ok() {} });
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        tasks.shutdown().await;

        database.close().await;

        assert!(!beside(&folder.file, "-wal").exists(), "a connection is still open");
    }
}
