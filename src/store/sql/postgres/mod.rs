//! `PostgreSQL`: one database server for any number of Anteroom servers.
//!
//! Every connection may write, so atomicity needs single statements, row locks, or [`Lock`] where
//! there is no row to lock. A transaction is retried after a deadlock or serialization failure, and
//! never after a COMMIT whose result is unknown.

mod address;
mod append_only;
mod batches;
mod connection;
mod failure;
mod freshness;
mod lock;
mod notifications;
mod pool;
mod prepare;
mod server;
mod transaction;

pub(super) use address::Address;
pub(super) use failure::may_pass;
pub(super) use lock::Lock;
pub(super) use pool::CONNECTIONS;
pub(super) use prepare::prepare;
pub(super) use server::PostgresServer;
pub(super) use transaction::{Attempts, PostgresTransaction};
