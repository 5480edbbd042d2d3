//! Accounts, sessions, counters and the audit trail in one SQL database.
//!
//! Every deed is one transaction, and an acknowledged one is durable. The statements are written
//! once for every engine; what engines do differently is in [`engine`] and in their own folders.
//! Nothing here decides anything about people: the rooms do, and their ports say what is promised.

mod accounts;
mod audit;
mod database;
mod engine;
mod list_statements;
mod location;
mod open_error;
mod postgres;
mod rows;
mod sessions;
mod sqlite;
mod throttle;
mod webhook;

pub use database::{SessionsIn, SqlDatabase};
pub use list_statements::LIST_STATEMENTS;
pub use location::DatabaseAt;
use open_error::NO_TABLES;
pub use open_error::OpenError;
pub use sessions::orders::{Order, Ordered};
