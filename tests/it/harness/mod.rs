//! What tests are written with: stores, a server in this process, browsers.

pub mod app;
pub mod backends;
pub mod broken;
pub mod browser;
pub mod chromium;
pub mod client;
pub mod left_out;
pub mod server;
pub mod wire;
