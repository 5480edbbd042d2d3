//! The first reading of a file: is every line right, and every address free?

use std::collections::{BTreeMap, HashMap};

use super::file::UserFile;
use super::seen::Addresses;
use super::{BATCH, Progress};
use crate::accounts::{Email, HashParameters, ImportedCosts, PasswordHash};
use crate::cli::Failure;
use crate::cli::administration::Administration;
use crate::cli::tables::print_error;

const TAKEN: &str = "email: an account has this address already";
const RESERVED: &str = "email: a mailed link can still give this address back to another account; \
                        try again after seven days";

/// Wrong lines that are shown. The others are counted.
const MOST_SHOWN: usize = 100;

/// The wrong lines of a file. Each is counted once, whatever is wrong with it.
pub(super) struct Report {
    name: String,
    accounts: u64,
    wrong: u64,
    /// The first of them, with what is wrong.
    shown: BTreeMap<u64, String>,
    /// Of the hashes.
    costs: ImportedCosts,
    costliest: Option<Costliest>,
}

/// The hash that takes the longest.
struct Costliest {
    line: u64,
    kind: &'static str,
    microseconds: u64,
}

/// A file in which every line is right.
pub(super) struct Checked {
    pub(super) accounts: u64,
    /// A sentence about the price of a refused sign-in; `None` without hashes of other systems.
    pub(super) price: Option<String>,
}

impl Report {
    fn of(file: &UserFile) -> Self {
        Self {
            name: file.name().to_owned(),
            accounts: 0,
            wrong: 0,
            shown: BTreeMap::new(),
            costs: ImportedCosts::default(),
            costliest: None,
        }
    }

    fn wrong_line(&mut self, number: u64, fault: String) {
        self.wrong += 1;
        self.shown.insert(number, fault);
        if self.shown.len() > MOST_SHOWN {
            self.shown.pop_last();
        }
    }

    fn add_cost(&mut self, line: u64, hash: &PasswordHash) {
        self.costs.add(hash);
        if let Some((kind, microseconds)) = hash.cost()
            && self.costliest.as_ref().is_none_or(|known| known.microseconds < microseconds)
        {
            self.costliest = Some(Costliest { line, kind, microseconds });
        }
    }

    /// Measured, because it is about this machine.
    fn price(&self) -> Option<String> {
        let Costliest { line, kind, .. } = self.costliest.as_ref()?;
        if self.costs.is_empty() {
            return None;
        }
        let price = match self.costs.measure(&HashParameters::default()) {
            Ok((time, kibibytes)) => {
                let (seconds, mebibytes) = (time.as_secs_f64(), kibibytes.div_ceil(1024));
                format!(
                    "a refused sign-in takes {seconds:.2} s of processor time and {mebibytes} MiB"
                )
            }
            Err(_) => "a refused sign-in needs more memory than this machine has".to_owned(),
        };
        Some(format!(
            "costliest hash: {kind}, in line {line}; until all of these are replaced, {price}"
        ))
    }

    fn show(&self) {
        for (number, fault) in &self.shown {
            print_error(&format!("{}:{number}: {fault}", self.name));
        }
    }

    /// The file, if all its lines are right. Otherwise shows the wrong ones, in their order.
    pub(super) fn into_result(self) -> Result<Checked, Failure> {
        self.show();
        if self.wrong == 0 {
            return Ok(Checked { accounts: self.accounts, price: self.price() });
        }
        let Self { accounts, wrong, shown, .. } = self;
        let all = u64::try_from(shown.len()).is_ok_and(|shown| shown == wrong);
        let shown = if all { "" } else { ", of which the first are shown" };
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
    let read = read_all(file, opened, &mut report, &mut progress).await;
    progress.end();
    if read.is_err() {
        report.show();
    }
    read.map(|()| report)
}

async fn read_all(
    file: &mut UserFile,
    opened: Option<&Administration>,
    report: &mut Report,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let (mut addresses, mut batch) = (Addresses::default(), Vec::with_capacity(BATCH));
    loop {
        let line = file.next_line()?;
        let is_last = line.is_none();
        if let Some(line) = line {
            report.accounts += 1;
            match line.user {
                Ok(user) => {
                    report.add_cost(line.number, &user.hash);
                    batch.push((user.email, line.number));
                }
                Err(fault) => report.wrong_line(line.number, fault),
            }
        }
        if batch.len() == BATCH || is_last {
            progress.advance(batch.len());
            let unusable = unusable(&batch, opened).await?;
            for (email, number) in batch.drain(..) {
                match unusable.get(&email) {
                    Some(fault) => report.wrong_line(number, (*fault).to_owned()),
                    None => addresses.add(&email, number),
                }
            }
        }
        if is_last {
            break;
        }
    }
    for (line, first) in addresses.repeated() {
        report.wrong_line(line, format!("email: line {first} has the same address"));
    }
    Ok(())
}

/// Which addresses of these lines no new account can have, and why.
async fn unusable(
    batch: &[(Email, u64)],
    opened: Option<&Administration>,
) -> Result<HashMap<Email, &'static str>, Failure> {
    let Some(administration) = opened else { return Ok(HashMap::new()) };
    let emails: Vec<Email> = batch.iter().map(|(email, _)| email.clone()).collect();
    let reserved = administration.accounts.reserved(&emails).await?;
    let taken = administration.accounts.taken(&emails).await?;
    let reserved = reserved.into_iter().map(|email| (email, RESERVED));
    Ok(reserved.chain(taken.into_iter().map(|email| (email, TAKEN))).collect())
}
