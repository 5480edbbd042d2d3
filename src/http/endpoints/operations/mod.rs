//! Health checks, the API description and the metrics page.

pub(in crate::http) mod health;
pub(in crate::http) mod metrics;
pub(in crate::http) mod openapi;
