//! Storage backends for accounts, sessions, throttle counters, the audit trail and webhook
//! deliveries. The only module that knows SQL or Redis.
//!
//! Each backend implements the ports of other modules and applies no policy: deadlines, permissions
//! and which change ends which sessions are decided there.

mod feed_identity;
mod following;
mod intercept;
mod kept_session;
mod memory;
mod redis;
mod sql;

pub use following::{FollowingStore, OrderFollower};
pub use intercept::{Intercepted, Interceptor, StoreCall, StoreFailure};
pub use memory::{MemoryOptions, MemoryStore};
pub use redis::{RedisOpenError, RedisSessions, RedisTrouble, Unfit};
pub use sql::{
    DatabaseAt, LIST_STATEMENTS, NumberedOrder, OpenError, Rotated, SessionLocation, SessionOrder,
    SqlDatabase,
};
