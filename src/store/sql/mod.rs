//! Accounts, sessions, counters and the audit trail in one SQL database.
//!
//! Every deed is one transaction, and an acknowledged one is durable. The statements are written
//! once for every engine; what engines do differently is in [`engine`] and in their own folders.
//! Nothing here decides anything about people: the rooms do, and their ports say what is promised.

mod account_lists;
mod accounts;
mod audit;
mod change;
mod database;
mod deliveries;
mod ending;
mod engine;
mod invitations;
mod lists;
mod open_error;
mod orders;
mod outbox;
mod place;
mod postgres;
mod retention;
mod revocations;
mod rows;
mod sessions;
mod sqlite;
mod start;
mod sweep;
mod throttle;

pub use database::{SessionsIn, SqlDatabase};
pub use lists::LIST_STATEMENTS;
use open_error::NO_TABLES;
pub use open_error::OpenError;
pub use orders::{Order, Ordered};
pub use place::DatabaseAt;
