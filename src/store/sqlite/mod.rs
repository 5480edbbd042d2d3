//! Accounts, sessions and the audit trail in one `SQLite` file, for one machine.
//!
//! One connection writes, a few others read. Every deed is one transaction, and an acknowledged
//! one is on the disk (`synchronous=FULL`). Nothing here decides anything about people: the rooms
//! do, and their ports say what is promised.

mod accounts;
mod audit;
mod change;
mod database;
mod ending;
mod orders;
mod rows;
mod sessions;
mod stamp;
mod start;
mod sweep;
mod throttle;

pub use database::{OpenError, SessionsIn, SqliteDatabase};
pub use orders::{Order, Ordered};
pub(in crate::store) use stamp::Stamp;
