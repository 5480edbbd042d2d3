//! The addresses of a file, small enough to hold those of millions of lines.

use sha2::{Digest as _, Sha256};

use crate::accounts::Email;

/// Sixteen bytes for each address: twelve of its SHA-256, and the number of its line.
#[derive(Default)]
pub(super) struct Addresses(Vec<u128>);

/// The bits of the number of a line.
const NUMBER: u32 = 32;

impl Addresses {
    pub(super) fn add(&mut self, email: &Email, line: u64) {
        let digest = Sha256::digest(email.as_str());
        let start = digest.iter().take(12).fold(0, |all: u128, byte| all << 8 | u128::from(*byte));
        self.0.push(start << NUMBER | u128::from(line & u64::from(u32::MAX)));
    }

    /// The lines with the address of an earlier line, which is the second number.
    pub(super) fn repeated(mut self) -> impl Iterator<Item = (u64, u64)> {
        self.0.sort_unstable();
        let number = |entry: u128| u64::try_from(entry & u128::from(u32::MAX)).unwrap_or(0);
        let mut first: Option<u128> = None;
        self.0.into_iter().filter_map(move |entry| match first {
            Some(known) if known >> NUMBER == entry >> NUMBER => {
                Some((number(entry), number(known)))
            }
            _ => {
                first = Some(entry);
                None
            }
        })
    }
}
