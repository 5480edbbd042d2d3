//! The SQL stores: accounts, sessions, throttle counters, the audit trail and webhook deliveries.
//!
//! Every operation is one transaction, and an acknowledged one is durable. Statements are written
//! once for both engines; [`engine`], `sqlite` and `postgres` hold the differences. The stores
//! apply no policy: the ports that they implement state what is promised.

mod accounts;
mod audit;
mod consents;
mod database;
mod engine;
mod factors;
mod list_statements;
mod location;
mod mail;
mod migrations;
mod open_error;
mod passkeys;
mod postgres;
mod rows;
mod sealed;
mod sessions;
mod sqlite;
mod throttle;
mod tokens;
mod webhook;

pub use database::{SessionLocation, SqlDatabase};
pub use list_statements::LIST_STATEMENTS;
pub use location::DatabaseAt;
use open_error::NO_TABLES;
pub use open_error::OpenError;
pub use sealed::Rotated;
pub use sessions::orders::{NumberedOrder, SessionOrder};
