//! The revocation feed.

pub(in crate::http) mod api;
pub(in crate::http) mod follower;
pub(in crate::http) mod stream;
