//! `anteroom import users`: adds the accounts of a file, all or none.
//!
//! The file is read twice. The first time every line is checked, and the database only read. The
//! second time the accounts are added, in one transaction.

mod check;
mod csv;
mod fields;
mod file;
mod seen;
#[cfg(test)]
mod tests;

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use check::{Checked, Report};
use file::UserFile;

use super::Failure;
use super::administration::Administration;
use super::tables::print;
use crate::StartupError;
use crate::accounts::{ImportedUser, ImportedUsers};
use crate::audit::{By, Event, Kind};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::OpenError;

/// Lines that are worked on together.
const BATCH: usize = 1000;

pub(super) async fn users(path: &Path, dry_run: bool, config: &Config) -> Result<(), Failure> {
    let mut file = UserFile::open(path, &Clock::system())?;
    let opened = match Administration::open_existing(config).await {
        Ok(administration) => Some(administration),
        // A wrong file must not leave a new database behind.
        Err(failure) if is_absent(&failure) => None,
        Err(failure) => return Err(failure),
    };
    let checked = check::check(&mut file, opened.as_ref()).await;
    let (administration, price) = match (checked.and_then(Report::into_result), opened, dry_run) {
        (Ok(Checked { accounts, price }), opened, true) => {
            close(opened).await;
            print(&format!("accounts that could be imported: {accounts}; nothing was changed"))?;
            return Ok(price.map_or(Ok(()), |price| print(&price))?);
        }
        (Ok(checked), opened, false) => {
            let administration = match opened {
                Some(administration) => administration,
                None => Administration::open(config).await?,
            };
            (administration, checked.price)
        }
        (Err(failure), opened, _) => {
            close(opened).await;
            return Err(failure);
        }
    };
    administration.finish(async |opened| add(opened, file).await).await?;
    Ok(price.map_or(Ok(()), |price| print(&price))?)
}

fn is_absent(failure: &Failure) -> bool {
    matches!(failure.downcast_ref(), Some(StartupError::Database(OpenError::Absent { .. })))
}

async fn close(administration: Option<Administration>) {
    if let Some(administration) = administration {
        administration.database.close().await;
    }
}

async fn add(administration: &Administration, file: UserFile) -> Result<(), Failure> {
    let mut source = Accounts { file, progress: Progress::of("imported") };
    let imported = administration.accounts.import(&mut source).await;
    source.progress.end();
    let count = imported.map_err(|error| format!("nothing was imported: {error}"))?;
    let event = Event::new(Kind::UsersImported, &By::command_line());
    administration.audit.record([event.with("count", count)]).await;
    administration.report(&format!("imported accounts: {count}"))
}

/// The accounts of a file that was checked.
struct Accounts {
    file: UserFile,
    progress: Progress,
}

impl ImportedUsers for Accounts {
    fn rewind(&mut self) -> Result<(), Failure> {
        self.progress.done = 0;
        Ok(self.file.rewind()?)
    }

    fn next_users(&mut self) -> Result<Vec<ImportedUser>, Failure> {
        let mut users = Vec::with_capacity(BATCH);
        while users.len() < BATCH
            && let Some(line) = self.file.next_line()?
        {
            let user = line.user.map_err(|fault| {
                format!("{}:{}: {fault}; it was right before", self.file.name(), line.number)
            });
            users.push(user?);
        }
        self.progress.advance(users.len());
        Ok(users)
    }
}

/// How far the command is, shown on a terminal.
struct Progress {
    what: &'static str,
    done: usize,
    is_shown: bool,
}

impl Progress {
    fn of(what: &'static str) -> Self {
        Self { what, done: 0, is_shown: std::io::stderr().is_terminal() }
    }

    fn advance(&mut self, lines: usize) {
        self.done += lines;
        if self.is_shown {
            let _ = write!(std::io::stderr(), "\r{}: {}", self.what, self.done);
        }
    }

    /// Takes it off the terminal.
    fn end(&self) {
        if self.is_shown {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}
