//! Integration tests, in one binary: one file per deed, and the rules that hold everywhere.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
#![expect(unreachable_pub, reason = "nothing here is public")]

mod account;
mod admin;
mod bodies;
mod cookie;
mod door;
mod events;
mod harness;
mod limits;
mod login;
mod logout;
mod openapi;
mod orders;
mod origins;
mod reasons;
mod redirects;
mod secrets;
mod session_data;
mod sessions;
mod setup;
mod signup;
mod store_contract;
mod store_model;
mod timeouts;
mod tower_sessions;
mod verify;
