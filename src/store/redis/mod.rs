//! Sessions in Redis or Valkey, for several servers on one truth. The accounts stay in the database.
//!
//! Every step is a script (`lua/`), so that it is one step for Redis too. Keys begin with
//! `anteroom:1:`, where 1 is the version of what they hold, and go on in binary:
//! - `t` and a digest: the record of a session, or what is left of one that ended. `t` and a user:
//!   the copy of the epoch, where it is above the first. `t` alone: the generation, which
//!   `lua/end_all.lua` explains. That is all that says whether a token is good, and a touch writes
//!   none of it.
//! - `v` and an id: the data of a session. `n` and a generation: how many are live.
//! - `r#`: what the feed of ends has to know of itself.
//! - everything else: the orders by id, by user and by time, in the packed trees that
//!   `lua/reading.lua` explains.
//!
//! No key has an expiry: what has ended is cleared away by the clock of Anteroom, never by that of
//! Redis, which may be another.

mod address;
mod agent;
mod feed;
mod fitness;
mod freshness;
mod heard;
mod link;
mod record;
mod script;
mod sessions;
mod trouble;

pub use fitness::Unfit;
pub use sessions::RedisSessions;
pub use trouble::{RedisOpenError, RedisTrouble};
