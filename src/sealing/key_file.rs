//! The file that holds the keys: one line for each, the newest first.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroize as _};

use super::SealError;
use super::key::Key;

/// A key has 43 characters, and there are two at most.
const MOST_BYTES: u64 = 1024;
const MODE: u32 = 0o600;

/// The path of a key file, which may not exist.
#[derive(Clone, Debug)]
pub struct KeyFile(PathBuf);

/// Held by the command that rotates the key.
#[derive(Debug)]
pub struct KeyFileLock(#[expect(dead_code, reason = "unlocks the file when dropped")] File);

impl KeyFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether there is one.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.0.exists()
    }

    /// Whether somebody else than its owner and group may read it.
    #[must_use]
    pub fn is_readable_by_all(&self) -> bool {
        fs::metadata(&self.0).is_ok_and(|file| file.mode() & 0o004 != 0)
    }

    /// Waits for nobody: fails while another command rotates the key.
    ///
    /// # Errors
    /// [`SealError::Busy`], or why the lock file cannot be used.
    pub fn lock(&self) -> Result<KeyFileLock, SealError> {
        let path = self.beside("-lock");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(MODE);
        let file = options.open(&path).map_err(|error| self.failed("lock", error))?;
        match file.try_lock() {
            Ok(()) => Ok(KeyFileLock(file)),
            Err(TryLockError::WouldBlock) => Err(SealError::Busy),
            Err(TryLockError::Error(error)) => Err(self.failed("lock", error)),
        }
    }

    pub(super) fn read(&self) -> Result<Vec<Key>, SealError> {
        let mut text = self.text().map_err(|error| match error.kind() {
            ErrorKind::NotFound => SealError::NoFile { path: self.shown() },
            _ => self.failed("read", error),
        })?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let keys: Option<Vec<Key>> = lines.map(Key::parse).collect();
        text.zeroize();
        match keys {
            Some(keys) if !keys.is_empty() => Ok(keys),
            _ => Err(SealError::Malformed { path: self.shown() }),
        }
    }

    fn text(&self) -> io::Result<String> {
        let mut bytes = Vec::new();
        File::open(&self.0)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
        // Bytes that are no text are no key either.
        Ok(String::from_utf8(bytes).unwrap_or_default())
    }

    /// Never replaces a file. A crash leaves a whole one or none.
    pub(super) fn create(&self, key: &Key) -> Result<(), SealError> {
        let created = || {
            let beside = self.beside("-new");
            // Left behind by a crash.
            let _ = fs::remove_file(&beside);
            write_new(&beside, &text_of(&[key]))?;
            let linked = fs::hard_link(&beside, &self.0);
            fs::remove_file(&beside)?;
            linked.and_then(|()| sync_folder(&self.0))
        };
        created().map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => SealError::Exists { path: self.shown() },
            _ => self.failed("create", error),
        })
    }

    /// Replaces the keys in one step: a crash leaves the earlier file or this one.
    pub(super) fn replace(&self, keys: &[Key]) -> Result<(), SealError> {
        let text = text_of(&keys.iter().collect::<Vec<_>>());
        let replaced = || {
            // A link stays one.
            let real = fs::canonicalize(&self.0)?;
            let owner = fs::metadata(&real)?;
            let beside = KeyFile(real.clone()).beside("-new");
            // Left behind by a crash.
            let _ = fs::remove_file(&beside);
            let file = write_new(&beside, &text)?;
            // A command that root runs must not take the file away from the server.
            if (file.metadata()?.uid(), file.metadata()?.gid()) != (owner.uid(), owner.gid()) {
                fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
            }
            file.set_permissions(owner.permissions())?;
            fs::rename(&beside, &real)?;
            sync_folder(&real)
        };
        replaced().map_err(|error| self.failed("write", error))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.0.clone().into_os_string();
        name.push(suffix);
        name.into()
    }

    fn shown(&self) -> String {
        std::path::absolute(&self.0).unwrap_or_else(|_| self.0.clone()).display().to_string()
    }

    fn failed(&self, operation: &'static str, source: io::Error) -> SealError {
        SealError::File { operation, path: self.shown(), source }
    }
}

fn text_of(keys: &[&Key]) -> SecretString {
    let lines = keys.iter().map(|key| format!("{}\n", key.line().expose_secret()));
    lines.collect::<String>().into()
}

/// Creates a file with mode 0600. Its bytes are on the disk when this returns.
fn write_new(path: &Path, text: &SecretString) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(text.expose_secret().as_bytes())?;
    file.sync_all()?;
    Ok(file)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
