//! `SQLite`: one file on one machine.
//!
//! One connection writes, four read. An acknowledged transaction is on the disk
//! (`synchronous=FULL`).

mod append_only;
mod disk_space;
mod file;
mod freshness;
mod identity;
mod lock;
mod open;

pub(super) use file::{SqliteFile, SqliteTransaction};
