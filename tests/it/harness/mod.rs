//! What tests are written with: stores, a server in this process, browsers.

pub mod backends;
