//! What tests are written with: stores, a server in this process, browsers.

pub mod app;
pub mod backends;
pub mod browser;
pub mod chance;
pub mod chromium;
pub mod client;
pub mod failing;
pub mod frames;
pub mod hearing;
pub mod left_out;
pub mod postgres;
pub mod redis;
pub mod relay;
pub mod served;
pub mod server;
pub mod wire;
