//! What tests are written with: stores, a server in this process, browsers.

pub mod app;
pub mod backends;
pub mod browser;
pub mod wire;
