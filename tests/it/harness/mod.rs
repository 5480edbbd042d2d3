//! What tests are written with: stores, a server in this process, browsers.

pub mod app;
pub mod backends;
pub mod balancer;
pub mod browser;
pub mod chance;
pub mod chromium;
pub mod client;
pub mod cut;
pub mod failing;
pub mod frames;
pub mod ground;
pub mod hearing;
pub mod history;
pub mod interloper;
pub mod left_out;
pub mod load;
pub mod loopback;
pub mod nodes;
pub mod postgres;
pub mod redis;
pub mod relay;
pub mod served;
pub mod server;
pub mod tunnel;
pub mod upstream;
pub mod wire;
