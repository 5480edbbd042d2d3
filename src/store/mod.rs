//! Where accounts and sessions are kept: the only place that knows SQL or
//! Redis.
//!
//! Each backend implements the ports of the rooms and decides nothing: what a session's deadline
//! is, who may do what and which change ends which sessions is said by the rooms.

mod following;
mod intercept;
mod memory;
mod numbered;
mod redis;
mod sql;
mod survivor;

pub use following::{FollowingStore, OrderFollower};
pub use intercept::{Intercepted, Interceptor, StoreCall, StoreFailure};
pub use memory::{MemoryOptions, MemoryStore};
pub use redis::{RedisOpenError, RedisSessions, RedisTrouble, Unfit};
pub use sql::{DatabaseAt, LIST_STATEMENTS, OpenError, Order, Ordered, SessionsIn, SqlDatabase};
