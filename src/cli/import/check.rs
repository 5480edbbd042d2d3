//! The first reading of a file: is every line right, and every address free?

use super::file::UserFile;
use super::seen::Addresses;
use super::{BATCH, Progress};
use crate::accounts::Email;
use crate::cli::Failure;
use crate::cli::administration::Administration;
use crate::cli::tables::print_error;

/// Wrong lines that are shown. The others are counted.
const MOST_SHOWN: u64 = 100;

/// The wrong lines of a file, which are shown when they are found.
pub(super) struct Report {
    name: String,
    accounts: u64,
    wrong: u64,
}

impl Report {
    fn of(file: &UserFile) -> Self {
        Self { name: file.name().to_owned(), accounts: 0, wrong: 0 }
    }

    fn wrong_line(&mut self, number: u64, fault: &str) {
        self.wrong += 1;
        if self.wrong <= MOST_SHOWN {
            print_error(&format!("{}:{number}: {fault}", self.name));
        }
    }

    /// How many accounts there are, if all are right.
    pub(super) fn into_result(self) -> Result<u64, Failure> {
        let Self { accounts, wrong, .. } = self;
        if wrong == 0 {
            return Ok(accounts);
        }
        let shown = if wrong > MOST_SHOWN { ", of which the first are shown" } else { "" };
        Err(format!("nothing was imported: wrong lines: {wrong} of {accounts}{shown}").into())
    }
}

/// Reads all of the file. Without a database every address is free.
pub(super) async fn check(
    file: &mut UserFile,
    opened: Option<&Administration>,
) -> Result<Report, Failure> {
    let mut report = Report::of(file);
    let mut progress = Progress::of("checked");
    let (mut addresses, mut batch) = (Addresses::default(), Vec::with_capacity(BATCH));
    loop {
        let line = file.next_line()?;
        let is_last = line.is_none();
        if let Some(line) = line {
            report.accounts += 1;
            match line.user {
                Ok(user) => {
                    addresses.add(&user.email, line.number);
                    batch.push((user.email, line.number));
                }
                Err(fault) => {
                    progress.end();
                    report.wrong_line(line.number, &fault);
                }
            }
        }
        if batch.len() == BATCH || is_last {
            progress.advance(batch.len());
            find_taken(&batch, opened, &mut report).await?;
            batch.clear();
        }
        if is_last {
            break;
        }
    }
    progress.end();
    for (line, first) in addresses.repeated() {
        report.wrong_line(line, &format!("email: line {first} has the same address"));
    }
    Ok(report)
}

async fn find_taken(
    batch: &[(Email, u64)],
    opened: Option<&Administration>,
    report: &mut Report,
) -> Result<(), Failure> {
    let Some(administration) = opened else { return Ok(()) };
    let emails: Vec<Email> = batch.iter().map(|(email, _)| email.clone()).collect();
    let taken = administration.accounts.taken(&emails).await?;
    for (_, line) in batch.iter().filter(|(email, _)| taken.contains(email)) {
        report.wrong_line(*line, "email: an account has this address already");
    }
    Ok(())
}
