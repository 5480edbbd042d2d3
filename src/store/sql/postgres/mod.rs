//! `PostgreSQL`: one server, for any number of Anterooms.
//!
//! Every connection may write, so that what has to be one step is made one here: by statements
//! that hold by themselves, by locks on rows, and by [`Lock`] where there is no row to lock. A
//! transaction that the server gave up is carried out again; one whose end nobody knows is not.

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
mod write;

pub(super) use address::Address;
pub(super) use failure::may_pass;
pub(super) use lock::Lock;
pub(super) use pool::CONNECTIONS;
pub(super) use prepare::prepare;
pub(super) use server::PostgresServer;
pub(super) use write::{Attempts, Write};
