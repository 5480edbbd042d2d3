//! Session store in Redis or Valkey, shared by several servers. Accounts stay in the database.
//!
//! Every operation is a script (`lua/`), so it is atomic. Keys start with `anteroom:1:`, where 1 is
//! the version of the record format, and continue in binary:
//! - `t` and a digest: the record of a session or a child, live or ended. `t` and a user: the user's
//!   epoch, if above the first. `t` alone: the generation, see `lua/end_all.lua`. These keys alone
//!   decide whether a token is valid, and a touch writes none of them.
//! - `v` and an id: the data of a session. `n` and a generation: the number of live sessions.
//! - `k` and a digest: a hand-over code. `r#`: the state of the revocation feed.
//! - everything else: indexes by id, user and time, in the packed trees of `lua/reading.lua`.
//!
//! No key has an expiry. The sweep deletes ended sessions by Anteroom's clock, because the clock of
//! Redis may differ.

mod address;
mod agent;
mod arguments;
mod children;
mod feed;
mod fitness;
mod freshness;
mod link;
mod received;
mod record;
mod script;
mod sessions;
mod trouble;

pub use fitness::Unfit;
pub use sessions::RedisSessions;
pub use trouble::{RedisOpenError, RedisTrouble};
